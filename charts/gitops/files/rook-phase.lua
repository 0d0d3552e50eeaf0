-- Rook's kinds say how they are in status.phase.
local status = obj.status or {}
local generation = obj.metadata and obj.metadata.generation
if generation ~= nil and status.observedGeneration ~= nil and status.observedGeneration < generation then
  return { status = "Progressing", message = "Rook has not seen the change yet" }
end
local phase = status.phase or ""
if phase == "" then
  return { status = "Progressing", message = "waiting for a phase" }
elseif phase == "Ready" then
  return { status = "Healthy", message = "phase " .. phase }
elseif phase == "Failure" or phase == "ReconcileFailed" or phase == "Error" then
  return { status = "Degraded", message = "phase " .. phase }
end
return { status = "Progressing", message = "phase " .. phase }
