-- How Reaper reaches Cuevox: by starting `cuevox`, and through a mailbox of files, since stock Lua has no sockets.
-- ISC licence; see LICENSE beside the scripts.

local M = {}

local SECTION = "Cuevox"
local SIGN_SECONDS = 2
local START_SECONDS = 30 -- a cold start of Python on a slow disk
local NOT_STARTED = "`cuevox` did not start: run `cuevox setup reaper` in a terminal, and this again."
local WORK_FOLDER = reaper.GetResourcePath() .. "/Cuevox"

-- Rows: fields with tabs between, as bridge/daws/lines.py writes them.

function M.row(...)
  local fields = { ... }
  for i, field in ipairs(fields) do
    fields[i] = tostring(field):gsub("\\", "\\\\"):gsub("\t", "\\t"):gsub("\r\n?", "\n"):gsub("\n", "\\n")
  end
  return table.concat(fields, "\t")
end

function M.fields(row)
  local fields = {}
  for field in (row .. "\t"):gmatch("(.-)\t") do
    fields[#fields + 1] = field:gsub("\\(.)", function(c) return ({ t = "\t", n = "\n", r = "\r" })[c] or c end)
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

-- Start `cuevox ARGUMENTS` and do not wait. Reaper does not tell whether that went well: the file that the other side
-- makes does, see `started_late`.
function M.start(arguments)
  reaper.ExecProcess(command_line(arguments), -1)
end

-- Whether what was started at `since` should have made its file by now and has not; and what to tell then.
function M.started_late(path, since)
  return not reaper.file_exists(path) and reaper.time_precise() - since > START_SECONDS, NOT_STARTED
end

-- Whether two paths are one file: Reaper may turn the strokes of Windows' paths.
function M.same_path(a, b)
  return a:gsub("\\", "/") == b:gsub("\\", "/")
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
  local mailbox = setmetatable({ name = name }, Mailbox)
  mailbox:open()
  return mailbox
end

function Mailbox:open()
  local stamp = string.format("mail-%s-%d", self.name:gsub("%W", ""), math.floor(reaper.time_precise() * 1000))
  self.folder, self.turn, self.at, self.connected, self.late = WORK_FOLDER .. "/" .. stamp, 1, 0, false, false
  self.opened = reaper.time_precise()
  self.sign = self.opened
  reaper.RecursiveCreateDirectory(self.folder, 0)
  M.write(self.folder .. "/to-engine", "")
  M.start({ "daw", "mailbox", self.folder, "--name", "Reaper " .. self.name })
end

local function append(path, lines)
  local file = io.open(path, "r+b") -- not made anew: the other side takes it away when it ends
  if not file then return false end
  file:seek("end")
  for _, line in ipairs(lines) do file:write(line, "\n") end
  file:close()
  return true
end

-- Send lines. Where the other side has ended, since Reaper stood still in a dialog or a render, another one is started.
function Mailbox:send(...)
  local sent = append(self.folder .. "/to-engine", { ... })
  if not sent and reaper.time_precise() - self.opened > START_SECONDS then
    self:open()
    sent = append(self.folder .. "/to-engine", { ... })
  end
  if sent then self.sign = reaper.time_precise() end
  return sent
end

-- What came since the last time: a list of lines. Call it in every turn of a deferred loop.
function Mailbox:receive()
  if reaper.time_precise() - self.sign > SIGN_SECONDS then self:send("#") end
  local lines = {}
  local file = io.open(self.folder .. "/from-engine-" .. self.turn, "rb")
  if not file then
    if self.turn == 1 and not self.late and M.started_late(self.folder .. "/from-engine-1", self.opened) then
      self.late = true
      lines[1] = "#unstarted"
    end
    return lines
  end
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

-- What a line of the mailbox's own says to people; nil: nothing.
function M.said(line)
  if line == "#unstarted" then return NOT_STARTED end
  if line:match("^#absent") then return "The engine does not run: start it with `cuevox run STORY.YAML`." end
end

function Mailbox:close()
  self:send("#end")
end

-- Send messages once, without an answer: for actions that end at once.
function M.send_once(...)
  local mailbox = M.open_mailbox("action")
  mailbox:send("/client/ack 1", ...)
  local until_time = reaper.time_precise() + START_SECONDS + 5
  local wanted, answers = select("#", ...), -1 -- the first answer is to /client/ack
  local function wait()
    for _, line in ipairs(mailbox:receive()) do
      local said = M.said(line)
      if said then
        mailbox:close()
        return M.tell(said)
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
