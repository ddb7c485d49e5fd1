-- Markers and regions between the project and the story.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")
local story = require("lib_story")

local M = {}

-- Markers and regions of the project: position, end, name, region or not, number.
local function in_project()
  local found, i = {}, 0
  while true do
    local more, region, at, finish, name, number = reaper.EnumProjectMarkers3(0, i)
    if more == 0 then return found end
    found[#found + 1] = { region = region, at = at, finish = finish, name = name, number = number }
    i = i + 1
  end
end

-- Markers and regions of an exported project; a region is two lines, the second one without a name.
local function in_export(project)
  local found, open = {}, {}
  for _, words in ipairs(project:all("MARKER")) do
    local number, at, name, region = words[1], tonumber(words[2]), words[3], words[4] == "1"
    if not region then
      found[#found + 1] = { region = false, at = at, finish = 0, name = name }
    elseif open[number] then
      open[number].finish = at
      open[number] = nil
    else
      open[number] = { region = true, at = at, finish = at, name = name }
      found[#found + 1] = open[number]
    end
  end
  return found
end

-- Bring the story's markers and regions into the project: those of a name are moved, others are added.
function M.take(path)
  local project, why = story.read(path)
  if not project then return nil, why end
  local origin = story.origin() or reaper.GetCursorPosition()
  local there, count = in_project(), { new = 0, moved = 0 }
  reaper.Undo_BeginBlock()
  for _, mark in ipairs(in_export(project)) do
    local at, finish = mark.at + origin, mark.region and mark.finish + origin or 0
    local old
    for i, each in ipairs(there) do
      if each.name == mark.name and each.region == mark.region then
        old = table.remove(there, i)
        break
      end
    end
    if not old then
      reaper.AddProjectMarker2(0, mark.region, at, finish, mark.name, -1, 0)
      count.new = count.new + 1
    elseif math.abs(old.at - at) > 1e-6 or (mark.region and math.abs(old.finish - finish) > 1e-6) then
      reaper.SetProjectMarker3(0, old.number, mark.region, at, finish, mark.name, 0)
      count.moved = count.moved + 1
    end
  end
  reaper.Undo_EndBlock("Cuevox: markers from the story", -1)
  return count
end

-- Give the project's markers and the starts of its regions to the story's file. Returns what `cuevox` said.
function M.give(story_file, manifest)
  local origin, rows, seen = story.origin() or 0, {}, {}
  for _, mark in ipairs(in_project()) do
    -- a region that begins at a marker of its name is the same point; regions that fire cues are no markers
    local id = mark.name .. string.format("@%.6f", mark.at)
    if mark.name ~= "" and not seen[id] and not M.is_cue(mark.name) then
      seen[id] = true
      rows[#rows + 1] = engine.row(engine.number(mark.at - origin), engine.number(mark.finish - origin), mark.name)
    end
  end
  local path = engine.work_file("marks-" .. math.floor(reaper.time_precise() * 1000))
  local written, why = engine.write(path, table.concat(rows, "\n") .. "\n")
  if not written then return false, why end
  local arguments = { "daw", "markers", path, story_file }
  if manifest and reaper.file_exists(manifest) then
    arguments[#arguments + 1] = "--export"
    arguments[#arguments + 1] = manifest
  end
  local ok, said = engine.run(arguments)
  os.remove(path)
  return ok, said
end

-- What a region or marker of this name fires: messages at its start, and at its end.
-- `cue 12`, `cue 12 hold` (stops at the region's end), `slot desk 1` (let go at the region's end), `snapshot dark`.
function M.fires(name)
  local kind, rest = name:match("^%s*(%a+)[%s:]+(.-)%s*$")
  kind = kind and kind:lower()
  if kind == "cue" then
    local cue, hold = rest:match("^([%w_.-]+)%s*(%a*)$")
    if cue and (hold == "" or hold == "hold") then
      return "/cue/" .. cue .. "/go", hold == "hold" and "/cue/" .. cue .. "/stop" or nil
    end
  elseif kind == "slot" then
    local bank, index = rest:match("^([%w_-]+)%s+(%d+)$")
    if bank then return "/slot/" .. bank .. "/" .. index .. "/trigger", "/slot/" .. bank .. "/" .. index .. "/release" end
  elseif kind == "snapshot" then
    local id = rest:match("^([%w_-]+)$")
    if id then return "/snapshot/" .. id .. "/recall" end
  end
end

local KEEP_SECONDS = 1

-- What the regions and markers of the project in front fire, in order: where, and what is sent. Looked up again when the
-- project has changed, and once a second, since not every change counts as one for Reaper.
function M.firing()
  local now, project, changes = reaper.time_precise(), reaper.EnumProjects(-1), reaper.GetProjectStateChangeCount(0)
  local kept = M.kept
  if kept and kept.project == project and kept.changes == changes and now - kept.at < KEEP_SECONDS then return kept end
  kept = { project = project, changes = changes }
  for _, mark in ipairs(in_project()) do
    local start, finish = M.fires(mark.name)
    if start then kept[#kept + 1] = { at = mark.at, address = start } end
    if finish and mark.region then kept[#kept + 1] = { at = mark.finish, address = finish } end
  end
  table.sort(kept, function(a, b) return a.at < b.at end)
  kept.at = now
  M.kept = kept
  return kept
end

function M.is_cue(name)
  return M.fires(name) ~= nil
end

M.in_project = in_project

return M
