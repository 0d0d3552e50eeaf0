-- The operator of OpenShift GitOps sums its parts up in status.phase.
local phase = (obj.status and obj.status.phase) or ""
if phase == "Available" then
  return { status = "Healthy", message = "phase " .. phase }
elseif phase == "Failed" then
  return { status = "Degraded", message = "phase " .. phase }
elseif phase == "" then
  return { status = "Progressing", message = "waiting for a phase" }
end
return { status = "Progressing", message = "phase " .. phase }
