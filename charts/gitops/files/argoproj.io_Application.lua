-- An Application is healthy when Argo CD has compared it as it is now, applied it, and its objects are healthy.
-- Its health alone says less: it stays that of the old source until the new one is compared, and objects that
-- are still missing do not count against it. Degraded ends the sync of the parent, which then tries again with
-- what is in git by then; Progressing lets it wait.
local function answer(status, message)
  return { status = status, message = message or "" }
end

-- Argo CD leaves out what is empty when it writes comparedTo, so empty and absent are the same.
local function empty(value)
  return value == nil or value == "" or value == false or (type(value) == "table" and next(value) == nil)
end

local function equal(a, b)
  if empty(a) or empty(b) then
    return empty(a) and empty(b)
  end
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then
      return false
    end
  end
  for key, value in pairs(b) do
    if a[key] == nil and not empty(value) then
      return false
    end
  end
  return true
end

local spec = obj.spec or {}
local status = obj.status or {}
local sync = status.sync or {}
local operation = status.operationState or {}

-- A hydrated source is compared in its dry form, so there the question cannot be asked.
if empty(spec.sourceHydrator) then
  local compared = sync.comparedTo or {}
  local same
  if empty(spec.sources) then
    same = equal(spec.source, compared.source)
  else
    same = equal(spec.sources, compared.sources)
  end
  if not same then
    return answer("Progressing", "the source has changed and is not compared yet")
  end
end

for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "InvalidSpecError" or condition.type == "ComparisonError" then
    return answer("Degraded", condition.message)
  end
end
if sync.status == nil or sync.status == "Unknown" then
  return answer("Progressing", "not compared yet")
end

if obj.operation ~= nil or operation.phase == "Running" or operation.phase == "Terminating" then
  return answer("Progressing", operation.message or "a sync is running")
end
if sync.status ~= "Synced" and (operation.phase == "Failed" or operation.phase == "Error") then
  return answer("Degraded", operation.message or "the sync has failed")
end

local health = status.health or {}
if health.status == "Healthy" and sync.status ~= "Synced" and operation.phase == nil then
  return answer("Progressing", "not synced yet")
end
return answer(health.status or "Progressing", health.message)
