-- Ready is False, too, while components start; ProvisioningSucceeded is False when one cannot be installed.
local status = obj.status or {}
local generation = obj.metadata and obj.metadata.generation
if generation ~= nil and status.observedGeneration ~= nil and status.observedGeneration < generation then
  return { status = "Progressing", message = "the operator has not seen the change yet" }
end
local answer = { status = "Progressing", message = "waiting for the condition Ready" }
for _, condition in ipairs(status.conditions or {}) do
  local message = condition.message or condition.reason or ""
  if condition.type == "ProvisioningSucceeded" and condition.status == "False" then
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
