-- Speaking the notes of empty items (Reaper's text items) into takes, in place.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")

local M = {}

local PATIENCE_SECONDS = 600 -- for one line, not for all

local function notes_of(item)
  local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
  return (notes:gsub("^%s+", ""):gsub("%s+$", ""))
end

local function track_name(item)
  local _, name = reaper.GetSetMediaTrackInfo_String(reaper.GetMediaItem_Track(item), "P_NAME", "", false)
  return name
end

-- The selected items that have notes, by an id of the order; and how many have none.
local function selected()
  local items, order, without = {}, {}, 0
  for i = 0, reaper.CountSelectedMediaItems(0) - 1 do
    local item = reaper.GetSelectedMediaItem(0, i)
    local notes = notes_of(item)
    -- the note by which an exported clip is known is not a line
    if notes == "" or notes:match("^cuevox clip=") then
      without = without + 1
    else
      local id = tostring(i)
      items[id] = item
      order[#order + 1] = engine.row(id, track_name(item), notes)
    end
  end
  return items, order, without
end

local function take_with(item, path)
  for i = 0, reaper.CountTakes(item) - 1 do
    local take = reaper.GetTake(item, i)
    local source = take and reaper.GetMediaItemTake_Source(take)
    if source and engine.same_path(reaper.GetMediaSourceFileName(source), path) then return take end
  end
end

local function mark_words(take, words)
  for i = reaper.GetNumTakeMarkers(take) - 1, 0, -1 do reaper.DeleteTakeMarker(take, i) end
  for _, word in ipairs(words) do reaper.SetTakeMarker(take, -1, word.text, word.seconds) end
end

-- Put a sound into an item as its active take. An item that had no take gets the length of the sound.
function M.place(item, path, seconds, name, words)
  local empty = reaper.CountTakes(item) == 0
  local take = take_with(item, path)
  if not take then
    local source = reaper.PCM_Source_CreateFromFile(path)
    if not source then return false, "Reaper can't read " .. path end
    take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, source)
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
    mark_words(take, words)
  end
  reaper.SetActiveTake(take)
  if empty then
    reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", seconds)
  end
  reaper.UpdateItemInProject(item)
  return true
end

-- The answer once it is whole; else nil, and how long it is by now.
local function read_answer(path)
  local file = io.open(path, "rb")
  if not file then return nil, 0 end
  local length = file:seek("end")
  file:seek("set", math.max(length - 6, 0))
  local tail = file:read("a")
  if not (tail:match("\nend\r?\n$") or tail:match("^end\r?\n$")) then
    file:close()
    return nil, length
  end
  file:seek("set", 0)
  local text = file:read("a")
  file:close()
  local answer = { takes = {}, order = {}, faults = {} }
  for line in text:gmatch("([^\r\n]+)") do
    local f = engine.fields(line)
    if f[1] == "take" then
      answer.takes[f[2]] = { path = f[3], seconds = tonumber(f[4]), voice = f[5], words = {} }
      answer.order[#answer.order + 1] = f[2]
    elseif f[1] == "word" and answer.takes[f[2]] then
      table.insert(answer.takes[f[2]].words, { seconds = tonumber(f[3]), text = f[4] })
    elseif f[1] == "failed" then
      answer.faults[#answer.faults + 1] = f[3]
    elseif f[1] == "error" then
      answer.faults[#answer.faults + 1] = f[2]
    end
  end
  return answer
end

local function take_over(project, items, answer)
  reaper.Undo_BeginBlock2(project)
  reaper.PreventUIRefresh(1)
  local done, away = 0, 0
  for _, id in ipairs(answer.order) do
    local item, take = items[id], answer.takes[id]
    if reaper.ValidatePtr2(project, item, "MediaItem*") then
      local ok, why = M.place(item, take.path, take.seconds, take.voice .. ": " .. notes_of(item), take.words)
      if ok then done = done + 1 else answer.faults[#answer.faults + 1] = why end
    else
      away = away + 1
    end
  end
  if away > 0 then answer.faults[#answer.faults + 1] = away .. " of the items are not there any more" end
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock2(project, "Cuevox: speak " .. done .. " items", -1)
  return done
end

local function arguments_for(project, order_path, answer_path)
  local folder = reaper.GetProjectPathEx(project) .. "/Cuevox"
  local arguments = { "daw", "speak", order_path, "--to", folder, "--answer", answer_path }
  local rate = reaper.GetSetProjectInfo(project, "PROJECT_SRATE", 0, false)
  if rate > 0 and reaper.GetSetProjectInfo(project, "PROJECT_SRATE_USE", 0, false) > 0 then
    arguments[#arguments + 1] = "--rate"
    arguments[#arguments + 1] = tostring(math.floor(rate))
  end
  local voice = reaper.GetExtState("Cuevox", "voice")
  if voice ~= "" then
    arguments[#arguments + 1] = "--voice"
    arguments[#arguments + 1] = voice
  end
  return arguments
end

-- Speak the selected items; `finished(done, faults)` is called once all are there, also if another project is in front.
function M.speak_selected(finished)
  local project = reaper.EnumProjects(-1)
  local items, order, without = selected()
  if #order == 0 then
    return engine.tell("Select items with notes first: Insert > Empty item, double-click it and write the line.\n"
      .. "`VOICE: text` names who speaks, else the track's name does.")
  end
  local stamp = tostring(math.floor(reaper.time_precise() * 1000))
  local order_path, answer_path = engine.work_file("order-" .. stamp), engine.work_file("answer-" .. stamp)
  local written, why = engine.write(order_path, table.concat(order, "\n") .. "\n")
  if not written then return engine.tell(why) end
  local began = reaper.time_precise()
  engine.start(arguments_for(project, order_path, answer_path))
  local told_at, told = began, 0
  local function wait()
    local answer, length = read_answer(answer_path)
    local now = reaper.time_precise()
    local late, not_started = engine.started_late(answer_path, began)
    if not answer and length > told then told, told_at = length, now end
    if answer then
      os.remove(order_path)
      os.remove(answer_path)
      if not reaper.ValidatePtr(project, "ReaProject*") then
        return engine.tell("The project of the spoken items is closed; their sounds lie in its folder Cuevox.")
      end
      local done = take_over(project, items, answer)
      if without > 0 then engine.log(without .. " of the selected items have no notes") end
      for _, fault in ipairs(answer.faults) do engine.log(fault) end
      if finished then finished(done, answer.faults) end
    elseif late then
      os.remove(order_path)
      engine.tell(not_started)
      if finished then finished(0, { not_started }) end
    elseif now - told_at < PATIENCE_SECONDS then
      reaper.defer(wait)
    else
      engine.tell("Cuevox has given no further line for ten minutes; those that are done lie in the project's folder.")
      if finished then finished(0, { "no answer" }) end
    end
  end
  wait()
end

return M
