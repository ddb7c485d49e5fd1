-- A panel with what the actions do, and the state of the engine; drawn by ReaImGui where that is installed.
-- ISC licence; see LICENSE beside the scripts.

local engine = require("lib_engine")
local follow = require("lib_follow")
local marks = require("lib_marks")
local speak = require("lib_speak")
local story = require("lib_story")

local M = {}

local function speak_items(state)
  state.text = "Speaking…"
  speak.speak_selected(function(done, faults) state.text = done .. " spoken, " .. #faults .. " failed" end)
end

local function import(state)
  local path = story.ask()
  if not path then return end
  local count, why = story.take(path)
  if count then marks.take(path) end
  state.text = count and story.told(count) or why
end

-- What is to be done when a button was pressed. It is done behind the drawing: it may open dialogs, and Reaper draws
-- nothing meanwhile.
local function buttons(context, state)
  local pressed
  local function button(label, action)
    if reaper.ImGui_Button(context, label) then pressed = action end
  end
  button("GO", function() state.mailbox:send("/go") end)
  reaper.ImGui_SameLine(context)
  button("Panic", function() state.mailbox:send("/panic") end)
  reaper.ImGui_Separator(context)
  button("Speak selected items", speak_items)
  button("Import or refresh story", import)
  local options, _ = state.options, nil
  _, options.transport = reaper.ImGui_Checkbox(context, "Story follows the play cursor", options.transport)
  _, options.cues = reaper.ImGui_Checkbox(context, "Regions fire cues", options.cues)
  return pressed
end

-- Draw the window; return whether it stays, and what is to be done.
local function draw(context, state)
  local visible, open = reaper.ImGui_Begin(context, "Cuevox", true)
  local pressed
  if visible then
    reaper.ImGui_Text(context, state.mailbox.connected and "The engine runs." or "The engine does not run: `cuevox run`")
    pressed = buttons(context, state)
    if state.text then reaper.ImGui_Text(context, state.text) end
    reaper.ImGui_End(context)
  end
  return open, pressed
end

function M.run()
  if not reaper.ImGui_CreateContext then
    return engine.tell("The panel needs ReaImGui (ReaPack > Browse packages > ReaImGui). The Cuevox actions do the same.")
  end
  local mailbox = engine.open_mailbox("panel")
  local state = { mailbox = mailbox, options = { transport = false, cues = false } }
  local follower = follow.new(mailbox, state.options)
  local context = reaper.ImGui_CreateContext("Cuevox")
  reaper.atexit(function()
    if follower.position then follower:forget(follower.position) end
    mailbox:close()
  end)
  local function loop()
    local playing = reaper.GetPlayState() & 3 == 1
    local position = playing and reaper.GetPlayPosition() or reaper.GetCursorPosition()
    follower:turn(reaper.time_precise(), playing, position, reaper.Master_GetPlayRate(0))
    follower:listen()
    -- ReaImGui forgets a window that was not drawn for a while, as during a dialog
    if not reaper.ImGui_ValidatePtr(context, "ImGui_Context*") then context = reaper.ImGui_CreateContext("Cuevox") end
    local open, pressed = draw(context, state)
    if pressed then pressed(state) end
    if open then reaper.defer(loop) end
  end
  loop()
end

return M
