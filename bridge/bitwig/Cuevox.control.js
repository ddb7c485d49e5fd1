// Cuevox for Bitwig Studio: the transport, cue markers and launched clips drive the engine's cues over OSC.
// ISC licence; see LICENSE beside this file.

loadAPI(17)
host.setShouldFailOnDeprecatedUse(true)
host.defineController('Cuevox', 'Cuevox', '0.1', 'b0a3a5f2-52b4-4f0b-9f0e-6d0cf6c6c0de', 'Cuevox')
host.defineMidiPorts(0, 0)

const TRACKS = 64
const SCENES = 64
const MARKERS = 128
const AHEAD_SECONDS = 0.2
const JUMP_SECONDS = 0.2
const CHASE_MS = 1000

let engine
let transport
let follow
let markers = []
let playing = false
let position = null // seconds
let at = 0 // of the clock, in seconds
let sentTo = null // beats
let due = new Map()

// What a name fires at its start and at its end: `cue 12`, `cue 12 hold`, `slot desk 3`, `snapshot dark`.
function fires(name) {
  let found = /^\s*cue[\s:]+([\w.-]+)(\s+hold)?\s*$/i.exec(name)
  if (found) return [`/cue/${found[1]}/go`, found[2] ? `/cue/${found[1]}/stop` : null]
  found = /^\s*slot[\s:]+([\w-]+)\s+(\d+)\s*$/i.exec(name)
  if (found) return [`/slot/${found[1]}/${found[2]}/trigger`, `/slot/${found[1]}/${found[2]}/release`]
  found = /^\s*snapshot[\s:]+([\w-]+)\s*$/i.exec(name)
  return found ? [`/snapshot/${found[1]}/recall`, null] : [null, null]
}

function send(address, ...values) {
  try {
    engine.sendMessage(address, ...values)
  } catch (error) {
    host.errorln(`Cuevox: ${address} could not be sent: ${error}`)
  }
}

function clock() {
  return Date.now() / 1000
}

function init() {
  const preferences = host.getPreferences()
  const port = preferences.getNumberSetting('OSC port of Cuevox (after a restart of this script)', 'Engine', 1, 65535, 1, '', 7400)
  port.markInterested()
  follow = preferences.getBooleanSetting('The story follows the transport', 'Engine', true)
  follow.markInterested()
  const osc = host.getOscModule()
  engine = osc.connectToUdpServer('127.0.0.1', Math.round(port.getRaw()), osc.createAddressSpace())
  watchTransport()
  watchMarkers()
  watchLaunches()
  send('/client/name', 'Bitwig Studio')
  host.scheduleTask(chase, CHASE_MS)
}

// Two clocks drift apart, and an engine that was started again knows nothing: tell it now and then where Bitwig is.
function chase() {
  if (follow.get() && position !== null) {
    send('/transport/chase', position + (playing ? clock() - at : 0), playing ? 1 : 0)
  }
  host.scheduleTask(chase, CHASE_MS)
}

function watchTransport() {
  transport = host.createTransport()
  transport.tempo().markInterested()
  transport.playPosition().markInterested()
  transport.isPlaying().addValueObserver(changed => changePlaying(changed))
  transport.playPositionInSeconds().addValueObserver(seconds => move(seconds))
}

function watchMarkers() {
  const bank = host.createArranger().createCueMarkerBank(MARKERS)
  for (let i = 0; i < MARKERS; i++) {
    const marker = bank.getItemAt(i)
    marker.exists().markInterested()
    marker.name().markInterested()
    marker.position().markInterested()
    markers.push(marker)
  }
}

function watchLaunches() {
  const tracks = host.createMainTrackBank(TRACKS, 0, SCENES)
  for (let t = 0; t < TRACKS; t++) {
    const slots = tracks.getItemAt(t).clipLauncherSlotBank()
    for (let s = 0; s < SCENES; s++) watchSlot(slots.getItemAt(s))
  }
}

function watchSlot(slot) {
  slot.name().markInterested()
  let sounding = [null, null]
  slot.isPlaying().addValueObserver(on => {
    const [start, end] = on ? fires(slot.name().get()) : sounding
    if (on && start) send(start)
    if (!on && end) send(end)
    sounding = on ? [start, end] : [null, null]
  })
}

function changePlaying(now) {
  if (now === playing) return
  playing = now
  if (playing) {
    begin()
    if (follow.get()) {
      send('/transport/locate', position || 0)
      send('/transport/play')
    }
    fireAhead()
  } else {
    forget()
    if (follow.get()) send('/transport/stop')
  }
  at = clock()
}

function move(seconds) {
  const expected = position === null ? seconds : position + (playing ? clock() - at : 0)
  const jumped = Math.abs(seconds - expected) > JUMP_SECONDS
  position = seconds
  at = clock()
  if (jumped) {
    forget()
    begin()
    if (follow.get()) send('/transport/locate', seconds)
  }
  if (playing) fireAhead()
}

// Fire from here on; a marker right here is fired.
function begin() {
  sentTo = transport.playPosition().get() - 1e-6
}

function fireAhead() {
  const perBeat = 60 / transport.tempo().value().getRaw()
  const here = transport.playPosition().get()
  const to = here + AHEAD_SECONDS / perBeat
  if (sentTo === null) begin()
  for (const marker of markers) {
    if (!marker.exists().get()) continue
    const place = marker.position().get()
    const address = fires(marker.name().get())[0]
    if (!address || place <= sentTo || place > to) continue
    const wait = Math.max(place - here, 0) * perBeat
    send('/at', wait, address)
    due.set(address, clock() + wait)
  }
  sentTo = Math.max(to, sentTo)
}

// Take back what was sent ahead and is not due yet.
function forget() {
  for (const [address, when] of due) if (when > clock()) send('/clearsched', address)
  due = new Map()
}

function flush() {}

function exit() {
  forget()
}
