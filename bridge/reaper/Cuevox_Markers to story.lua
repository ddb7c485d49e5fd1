-- @description Cuevox: give the project's markers and regions to the story's file
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
local engine, marks = require("lib_engine"), require("lib_marks")

local _, story_file = reaper.GetProjExtState(0, "Cuevox", "story")
if story_file == "" or not reaper.file_exists(story_file) then
  local chosen
  chosen, story_file = reaper.GetUserFileNameForRead("", "The story of Cuevox", "yaml")
  if not chosen then return end
  reaper.SetProjExtState(0, "Cuevox", "story", story_file)
end
local _, export = reaper.GetProjExtState(0, "Cuevox", "export")
local _, said = marks.give(story_file, export:gsub("[^/\\]+[/\\][^/\\]+$", "manifest.json") .. "")
engine.tell(said ~= "" and said or "Nothing to change.")
