-- How Reaper reaches Cuevox: by starting `cuevox`, and through a mailbox of files, since stock Lua has no sockets.
-- ISC licence; see LICENSE beside the scripts.

local M = {}

local SECTION = "Cuevox"
local SIGN_SECONDS = 2
local WORK_FOLDER = reaper.GetResourcePath() .. "/Cuevox"

-- Rows: fields with tabs between, as bridge/daws/lines.py writes them.

function M.row(...)
  local fields = { ... }
  for i, field in ipairs(fields) do
    fields[i] = tostring(field):gsub("\\", "\\\\"):gsub("\t", "\\t"):gsub("\r?\n", "\\n")
  end
  return table.concat(fields, "\t")
end

function M.fields(row)
  local fields = {}
  for field in (row .. "\t"):gmatch("(.-)\t") do
    fields[#fields + 1] = field:gsub("\\(.)", function(c) return ({ t = "\t", n = "\n" })[c] or c end)
  end
  return fields
end

-- Seconds as text with a decimal point, whatever the language of the system.
function M.number(value)
  return (string.format("%.9f", value):gsub(",", "."):gsub("0+$", ""):gsub("%.$", ""))
end

function M.tell(text)
  reaper.ShowMessageBox(text, "Cuevox", 0)
end

function M.log(text)
  reaper.ShowConsoleMsg("Cuevox: " .. text .. "\n")
end

local function quoted(word)
  return '"' .. tostring(word):gsub('"', '\\"') .. '"'
end

-- The words that start Cuevox: written by `cuevox setup reaper`, else what its user has told, else `cuevox`.
local function command_words()
  local known, words = pcall(require, "lib_command")
  if known then return words end
  local told = reaper.GetExtState(SECTION, "command")
  return { told ~= "" and told or "cuevox" }
end

local function command_line(arguments)
  local words = {}
  for _, word in ipairs(command_words()) do words[#words + 1] = quoted(word) end
  for _, word in ipairs(arguments) do words[#words + 1] = quoted(word) end
  return table.concat(words, " ")
end

-- Start `cuevox ARGUMENTS` and do not wait.
function M.start(arguments)
  return reaper.ExecProcess(command_line(arguments), -1) ~= nil
end

-- Run `cuevox ARGUMENTS`; return whether it went well, and what it said.
function M.run(arguments, timeout_ms)
  local answer = reaper.ExecProcess(command_line(arguments), timeout_ms or 60000)
  if not answer then return false, "`cuevox` can't be started; run `cuevox setup reaper` in a terminal" end
  local code, output = answer:match("^(%-?%d+)\r?\n?(.*)$")
  return code == "0", output or answer
end

-- A folder of our own for files that live for a moment.
function M.work_file(name)
  reaper.RecursiveCreateDirectory(WORK_FOLDER, 0)
  return WORK_FOLDER .. "/" .. name
end

function M.write(path, text)
  local file, why = io.open(path, "wb")
  if not file then return false, why end
  file:write(text)
  file:close()
  return true
end

-- A text for the engine's lines of text.
function M.text(value)
  return '"' .. value:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n"):gsub("\t", "\\t") .. '"'
end

-- The mailbox.

local Mailbox = {}
Mailbox.__index = Mailbox

function M.open_mailbox(name)
  local stamp = string.format("mail-%s-%d", name:gsub("%W", ""), math.floor(reaper.time_precise() * 1000))
  local folder = WORK_FOLDER .. "/" .. stamp
  reaper.RecursiveCreateDirectory(folder, 0)
  M.write(folder .. "/to-engine", "")
  if not M.start({ "daw", "mailbox", folder, "--name", "Reaper " .. name }) then
    return nil, "`cuevox` can't be started; run `cuevox setup reaper` in a terminal"
  end
  local now = reaper.time_precise()
  return setmetatable({ folder = folder, turn = 1, at = 0, sign = now, connected = false }, Mailbox)
end

function Mailbox:send(...)
  local file = io.open(self.folder .. "/to-engine", "ab")
  if not file then return false end
  for _, line in ipairs({ ... }) do file:write(line, "\n") end
  file:close()
  self.sign = reaper.time_precise()
  return true
end

-- What came since the last time: a list of lines. Call it in every turn of a deferred loop.
function Mailbox:receive()
  if reaper.time_precise() - self.sign > SIGN_SECONDS then self:send("#") end
  local lines = {}
  local file = io.open(self.folder .. "/from-engine-" .. self.turn, "rb")
  if not file then return lines end
  file:seek("set", self.at)
  local fresh = file:read("a") or ""
  file:close()
  local whole = fresh:match("^.*\n") or ""
  self.at = self.at + #whole
  for line in whole:gmatch("([^\r\n]+)\r?\n") do
    if line == "#next" then
      self.turn, self.at = self.turn + 1, 0
    elseif line == "#connected" then
      self.connected = true
    elseif line:match("^#absent") then
      self.connected = false
    end
    lines[#lines + 1] = line
  end
  return lines
end

function Mailbox:close()
  self:send("#end")
end

-- Send messages once, without an answer: for actions that end at once.
function M.send_once(...)
  local mailbox, why = M.open_mailbox("action")
  if not mailbox then return M.tell(why) end
  mailbox:send("/client/ack 1", ...)
  local until_time = reaper.time_precise() + 5
  local wanted, answers = select("#", ...), -1 -- the first answer is to /client/ack
  local function wait()
    for _, line in ipairs(mailbox:receive()) do
      if line:match("^#absent") then
        mailbox:close()
        return M.tell("The engine does not run: start it with `cuevox run STORY.YAML`.")
      end
      if line:match("^/reply/") then
        answers = answers + 1
        if line:match('"error"') then M.log(line) end
      end
    end
    if answers >= wanted or reaper.time_precise() > until_time then return mailbox:close() end
    reaper.defer(wait)
  end
  wait()
end

return M
