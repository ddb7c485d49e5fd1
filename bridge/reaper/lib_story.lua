-- A story's export in the project: imported at the edit cursor, and refreshed after a new export.
-- What its user has changed since (places, lengths, fades, gains) stays; what only the story changed follows it.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")
local rpp = require("lib_rpp")

local M = {}

local SECTION = "Cuevox"
local KEY, BASE = "P_EXT:cuevox_key", "P_EXT:cuevox_base"
local STORY, ORIGIN = "P_EXT:cuevox_story", "P_EXT:cuevox_origin"
local NEAR = 1e-6
local ITEM_FIELDS = { "D_POSITION", "D_LENGTH", "D_FADEINLEN", "D_FADEOUTLEN", "B_MUTE" }
local TAKE_FIELDS = { "D_STARTOFFS", "D_VOL", "D_PAN" }

local function project_value(key)
  local _, value = reaper.GetProjExtState(0, SECTION, key)
  return value
end

-- Where the zero of the story that came in last lies in the project, in seconds; nil before the first import.
function M.origin()
  return tonumber(project_value("origin"))
end

function M.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read("a")
  file:close()
  local project, fault = rpp.parse(text)
  if not project then return nil, path .. ": " .. fault end
  return project
end

local function item_text(item, key, value)
  local _, text = reaper.GetSetMediaItemInfo_String(item, key, value or "", value ~= nil)
  return text
end

local function track_text(track, key, value)
  local _, text = reaper.GetSetMediaTrackInfo_String(track, key, value or "", value ~= nil)
  return text
end

-- The places and gains that an element of the export asks for.
local function wanted_of(element, origin)
  return {
    D_POSITION = element:number("POSITION", 1, 0) + origin,
    D_LENGTH = element:number("LENGTH", 1, 0),
    D_FADEINLEN = element:number("FADEIN", 2, 0),
    D_FADEOUTLEN = element:number("FADEOUT", 2, 0),
    B_MUTE = element:number("MUTE", 1, 0),
    D_STARTOFFS = element:number("SOFFS", 1, 0),
    D_VOL = element:number("VOLPAN", 1, 1),
    D_PAN = element:number("VOLPAN", 2, 0),
  }
end

local function current_of(item)
  local take, now = reaper.GetActiveTake(item), {}
  for _, field in ipairs(ITEM_FIELDS) do now[field] = reaper.GetMediaItemInfo_Value(item, field) end
  if take then
    for _, field in ipairs(TAKE_FIELDS) do now[field] = reaper.GetMediaItemTakeInfo_Value(take, field) end
  end
  return now, take
end

-- A number as text that gives the same number again, with a decimal point whatever the language of the system.
local function exact(value)
  return (string.format("%.17g", value):gsub(",", "."))
end

local function base_text(values)
  local parts = {}
  for field, value in pairs(values) do parts[#parts + 1] = field .. "=" .. exact(value) end
  table.sort(parts)
  return table.concat(parts, " ")
end

local function base_of(item)
  local base = {}
  for field, value in item_text(item, BASE):gmatch("(%S+)=(%S+)") do base[field] = tonumber(value) end
  return base
end

local function near(a, b)
  return a ~= nil and b ~= nil and math.abs(a - b) <= NEAR
end

local function same(now, base)
  for field, value in pairs(base) do
    if not near(now[field], value) then return false end
  end
  return true
end

-- Which story an exported project is of: its title, which also is what its identifiers are made of.
local function story_of(project)
  for notes in project:each("NOTES") do
    local title = type(notes.lines[1]) == "string" and notes.lines[1]:match("^|(.*), made by Cuevox%.$")
    if title then return title end
  end
  return ""
end

-- Tracks and items that imports of a story made, by their keys; and where its zero lies, nil if nothing of it is there.
local function found_tracks(title)
  local tracks, items, origin = {}, {}, nil
  for i = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, i)
    if track_text(track, KEY) ~= "" and track_text(track, STORY) == title then
      tracks[track_text(track, KEY)] = track
      origin = origin or tonumber(track_text(track, ORIGIN))
    end
    for j = 0, reaper.CountTrackMediaItems(track) - 1 do
      local item = reaper.GetTrackMediaItem(track, j)
      local item_key = item_text(item, KEY)
      -- a split leaves two items of one key: both follow
      if item_key ~= "" and item_text(item, STORY) == title then
        items[item_key] = items[item_key] or {}
        table.insert(items[item_key], item)
      end
    end
  end
  return tracks, items, origin
end

local function new_track(element, title, origin)
  local at = reaper.CountTracks(0)
  reaper.InsertTrackAtIndex(at, false)
  local track = reaper.GetTrack(0, at)
  track_text(track, "P_NAME", element:value("NAME") or "")
  track_text(track, KEY, element:value("TRACKID") or element.head)
  track_text(track, STORY, title)
  track_text(track, ORIGIN, exact(origin))
  reaper.SetMediaTrackInfo_Value(track, "D_VOL", element:number("VOLPAN", 1, 1))
  reaper.SetMediaTrackInfo_Value(track, "D_PAN", element:number("VOLPAN", 2, 0))
  reaper.SetMediaTrackInfo_Value(track, "B_MUTE", element:number("MUTESOLO", 1, 0))
  reaper.SetMediaTrackInfo_Value(track, "I_SOLO", element:number("MUTESOLO", 2, 0))
  reaper.SetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR", element:number("PEAKCOL", 1, 0))
  local folder = element:number("ISBUS", 1, 0)
  reaper.SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", folder == 1 and 1 or folder == 2 and -1 or 0)
  return track
end

-- The sound's path in the export, made absolute.
local function sound_of(element, folder)
  for source in element:each("SOURCE") do
    local file = source:value("FILE")
    if file then
      local path = (file:match("^/") or file:match("^%a:")) and file or folder .. file
      source:set("FILE", rpp.quoted(path))
      return path
    end
  end
end

local function new_item(track, element, key, wanted, title)
  local item = reaper.AddMediaItemToTrack(track)
  element:set("POSITION", engine.number(wanted.D_POSITION))
  reaper.SetItemStateChunk(item, element:text(), false)
  item_text(item, KEY, key)
  item_text(item, STORY, title)
  item_text(item, BASE, base_text((current_of(item))))
end

local function new_sound(take, element, path)
  local source = reaper.PCM_Source_CreateFromFile(path)
  if not source then return false end
  local old = reaper.GetMediaItemTake_Source(take)
  reaper.SetMediaItemTake_Source(take, source)
  if old then reaper.PCM_Source_Destroy(old) end
  for i = reaper.GetNumTakeMarkers(take) - 1, 0, -1 do reaper.DeleteTakeMarker(take, i) end
  for _, word in ipairs(element:all("TKM")) do reaper.SetTakeMarker(take, -1, word[2] or "", tonumber(word[1]) or 0) end
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", element:value("NAME") or "", true)
  return true
end

-- Have one item follow the export; what its user changed stays. Returns whether anything changed.
local function refresh_item(item, element, wanted, path)
  local now, take = current_of(item)
  local base, changed = base_of(item), false
  if not take then return false end
  local source = reaper.GetMediaItemTake_Source(take)
  if path and source and not engine.same_path(reaper.GetMediaSourceFileName(source), path) then
    changed = new_sound(take, element, path) or changed
  end
  for field, value in pairs(wanted) do
    if near(now[field], base[field]) and not near(now[field], value) then
      if field == "D_STARTOFFS" or field == "D_VOL" or field == "D_PAN" then
        reaper.SetMediaItemTakeInfo_Value(take, field, value)
      else
        reaper.SetMediaItemInfo_Value(item, field, value)
      end
      base[field], changed = value, true
    end
  end
  item_text(item, BASE, base_text(base))
  if changed then reaper.UpdateItemInProject(item) end
  return changed
end

local function take_items(element, track, items, folder, count)
  for item_element in element:each("ITEM") do
    local key = item_element:value("IGUID") or ""
    local wanted, path = wanted_of(item_element, count.origin), sound_of(item_element, folder)
    if path and not reaper.file_exists(path) then count.missing = count.missing + 1 end
    if items[key] then
      for i, item in ipairs(items[key]) do
        local changed = refresh_item(item, item_element, wanted, path)
        if changed and i == 1 then count.changed = count.changed + 1 end
      end
      items[key] = nil
    else
      new_item(track, item_element, key, wanted, count.title)
      count.new = count.new + 1
    end
  end
end

-- What the story has no more: items that nobody touched go, the others stay and are counted.
local function take_away(items, count)
  for _, left in pairs(items) do
    for _, item in ipairs(left) do
      if same((current_of(item)), base_of(item)) then
        reaper.DeleteTrackMediaItem(reaper.GetMediaItem_Track(item), item)
        count.gone = count.gone + 1
      else
        count.kept = count.kept + 1
      end
    end
  end
end

local function connect(project, made)
  local by_number = {}
  local tracks = {}
  for element in project:each("TRACK") do tracks[#tracks + 1] = element end
  for number, element in ipairs(tracks) do by_number[number - 1] = made.all[element] end
  for _, element in ipairs(tracks) do
    if made.new[element] then
      for _, send in ipairs(element:all("AUXRECV")) do
        local from, to = by_number[tonumber(send[1])], made.all[element]
        if from and to then
          local index = reaper.CreateTrackSend(from, to)
          reaper.SetTrackSendInfo_Value(from, 0, index, "D_VOL", tonumber(send[3]) or 1)
        end
      end
    end
  end
end

-- Import an exported project, or refresh what an earlier import made. Returns counts, or nil and why not.
function M.take(path)
  local project, why = M.read(path)
  if not project then return nil, why end
  local title, folder = story_of(project), path:match("^(.*[/\\])") or ""
  local tracks, items, origin = found_tracks(title)
  local count = { new = 0, changed = 0, gone = 0, kept = 0, missing = 0, title = title }
  count.origin = origin or reaper.GetCursorPosition()
  reaper.Undo_BeginBlock()
  reaper.PreventUIRefresh(1)
  local made = { all = {}, new = {} }
  for element in project:each("TRACK") do
    local key = element:value("TRACKID") or element.head
    local track = tracks[key]
    if not track then
      track = new_track(element, title, count.origin)
      made.new[element] = true
    end
    made.all[element] = track
    take_items(element, track, items, folder, count)
  end
  take_away(items, count)
  connect(project, made)
  reaper.SetProjExtState(0, SECTION, "origin", exact(count.origin))
  reaper.SetProjExtState(0, SECTION, "export", path)
  reaper.PreventUIRefresh(-1)
  reaper.TrackList_AdjustWindows(false)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Cuevox: import or refresh a story", -1)
  return count
end

-- What an import did, in words.
function M.told(count)
  local text = string.format("%d new items, %d changed, %d gone; %d that you had changed were kept although the story has"
    .. " them no more.", count.new, count.changed, count.gone, count.kept)
  if count.missing > 0 then text = text .. "\n" .. count.missing .. " sounds are not beside the project: export again." end
  return text
end

-- Ask for the exported project, the one that was imported last unless its user chooses another.
function M.ask()
  local last = project_value("export")
  if last ~= "" and reaper.file_exists(last) then
    local answer = reaper.ShowMessageBox("Refresh from " .. last .. "?\nNo: choose another export.", "Cuevox", 3)
    if answer == 6 then return last end
    if answer == 2 then return nil end
  end
  local chosen, path = reaper.GetUserFileNameForRead("", "Reaper project of a Cuevox export", "rpp")
  if chosen then return path end
end

return M
