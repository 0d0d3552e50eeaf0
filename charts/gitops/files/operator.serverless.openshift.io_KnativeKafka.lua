-- Knative's operators say False, too, while Deployments start. Only what installs nothing is an error.
local status = obj.status or {}
local generation = obj.metadata and obj.metadata.generation
if generation ~= nil and status.observedGeneration ~= generation then
  return { status = "Progressing", message = "the operator has not seen this generation yet" }
end
local waiting = "waiting for the condition Ready"
for _, condition in ipairs(status.conditions or {}) do
  local message = condition.message or condition.reason or ""
  if condition.type == "InstallSucceeded" and condition.status == "False" then
    return { status = "Degraded", message = message }
  end
  if condition.type == "Ready" then
    if condition.status == "True" then
      return { status = "Healthy", message = message }
    end
    waiting = message
  end
end
return { status = "Progressing", message = waiting }
