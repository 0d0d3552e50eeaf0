-- Argo CD has a check of its own, which fails on a cluster that has no status yet: every new one is an error then, and
-- the sync of its Application too (https://github.com/argoproj/argo-cd/pull/29055). Phases that pass by themselves are
-- Progressing here.
local status = obj.status or {}
local phase = status.phase or ""
local reason = status.phaseReason or ""
local message = phase
if reason ~= "" then
  message = phase .. ": " .. reason
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "cnpg.io/hibernation" and condition.status == "True" then
    return { status = "Suspended", message = condition.message or "hibernated" }
  end
end
local waits_for_people = {
  ["Waiting for user action"] = true,
  ["Cluster upgrade delayed"] = true,
  ["Unable to create required cluster objects"] = true,
  ["Cluster cannot proceed to reconciliation due to an unknown plugin being required"] = true,
  ["Cluster cannot execute instance online upgrade due to missing architecture binary"] = true,
  ["Cluster has incomplete or invalid image catalog"] = true,
  ["Cluster is unrecoverable and needs manual intervention"] = true,
}
if phase == "" then
  return { status = "Progressing", message = "waiting for a phase" }
elseif phase == "Cluster in healthy state" then
  return { status = "Healthy", message = message }
elseif phase == "Failing over" or waits_for_people[phase] then
  return { status = "Degraded", message = message }
end
return { status = "Progressing", message = message }
