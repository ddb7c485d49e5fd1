-- A panel with what the actions do, and the state of the engine; drawn by ReaImGui where that is installed.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")
local follow = require("lib_follow")
local marks = require("lib_marks")
local speak = require("lib_speak")
local story = require("lib_story")

local M = {}

local function buttons(context, state)
  local function button(label) return reaper.ImGui_Button(context, label) end
  if button("GO") then state.mailbox:send("/go") end
  reaper.ImGui_SameLine(context)
  if button("Panic") then state.mailbox:send("/panic") end
  reaper.ImGui_Separator(context)
  if button("Speak selected items") then
    state.text = "Speaking…"
    speak.speak_selected(function(done, faults) state.text = done .. " spoken, " .. #faults .. " failed" end)
  end
  if button("Import or refresh story") then
    local path = story.ask()
    local count, why = nil, nil
    if path then count, why = story.take(path) end
    if count then marks.take(path) end
    if path then state.text = count and (count.new .. " new, " .. count.changed .. " changed") or why end
  end
  local clicked
  clicked, state.options.transport = reaper.ImGui_Checkbox(context, "Story follows the play cursor", state.options.transport)
  clicked, state.options.cues = reaper.ImGui_Checkbox(context, "Regions fire cues", state.options.cues)
end

local function draw(context, state)
  local visible, open = reaper.ImGui_Begin(context, "Cuevox", true)
  if visible then
    reaper.ImGui_Text(context, state.mailbox.connected and "The engine runs." or "The engine does not run: `cuevox run`")
    buttons(context, state)
    if state.text then reaper.ImGui_Text(context, state.text) end
    reaper.ImGui_End(context)
  end
  return open
end

function M.run()
  if not reaper.ImGui_CreateContext then
    return engine.tell("The panel needs ReaImGui (ReaPack > Browse packages > ReaImGui). The Cuevox actions do the same.")
  end
  local mailbox, why = engine.open_mailbox("panel")
  if not mailbox then return engine.tell(why) end
  local state = { mailbox = mailbox, options = { transport = false, cues = false } }
  local follower = follow.new(mailbox, state.options)
  local context = reaper.ImGui_CreateContext("Cuevox")
  reaper.atexit(function() mailbox:close() end)
  local function loop()
    local playing = reaper.GetPlayState() & 3 == 1
    local position = playing and reaper.GetPlayPosition() or reaper.GetCursorPosition()
    follower:turn(reaper.time_precise(), playing, position, reaper.Master_GetPlayRate(0))
    follower:listen()
    if draw(context, state) then reaper.defer(loop) end
  end
  loop()
end

return M
