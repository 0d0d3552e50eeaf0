-- Strimzi gives a pool no condition Ready: it names the pool's nodes once they are there, and writes
-- conditions for what is wrong.
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "NotReady" and condition.status == "True" then
    return { status = "Degraded", message = condition.message or "" }
  end
end
local generation = obj.metadata and obj.metadata.generation
if generation ~= nil and status.observedGeneration ~= nil and status.observedGeneration < generation then
  return { status = "Progressing", message = "Strimzi has not seen the change yet" }
end
local wanted = (obj.spec and obj.spec.replicas) or 0
local nodes = #(status.nodeIds or {})
if status.clusterId ~= nil and nodes == wanted then
  return { status = "Healthy", message = nodes .. " nodes" }
end
return { status = "Progressing", message = nodes .. " of " .. wanted .. " nodes" }
