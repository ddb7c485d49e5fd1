-- @description Cuevox: put all Cuevox actions into the action list
-- @noindex
-- ISC licence; see LICENSE beside the scripts.

local folder = ({ reaper.get_action_context() })[2]:match("^(.*[/\\])")
package.path = folder .. "?.lua;" .. package.path
local actions, i = {}, 0
while true do
  local name = reaper.EnumerateFiles(folder, i)
  if not name then break end
  if name:match("^Cuevox_.*%.lua$") and name ~= "Cuevox_Register.lua" then actions[#actions + 1] = name end
  i = i + 1
end
for number, name in ipairs(actions) do
  reaper.AddRemoveReaScript(true, 0, folder .. name, number == #actions)
end
reaper.ShowMessageBox(#actions .. " actions are in the list: search for Cuevox.", "Cuevox", 0)
