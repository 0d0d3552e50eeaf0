-- The operator says Ready of what runs, and Degraded of what it cannot install.
local answer = { status = "Progressing", message = "waiting for the condition Ready" }
for _, condition in ipairs((obj.status and obj.status.conditions) or {}) do
  local message = condition.message or condition.reason or ""
  if condition.type == "Degraded" and condition.status == "True" then
    return { status = "Degraded", message = message }
  end
  if condition.type == "Ready" then
    answer = { status = "Progressing", message = message }
    if condition.status == "True" then
      answer.status = "Healthy"
    end
  end
end
return answer
