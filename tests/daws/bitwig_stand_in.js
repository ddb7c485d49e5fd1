// node bitwig_stand_in.js SCRIPT: runs the script against a stand-in for Bitwig's API, and prints what it sent as JSON.
// Whatever the script asks for that the API does not have is an error, and so is reading a value nobody marked.
const fs = require('fs')
const vm = require('vm')

function strict(name, members) {
  return new Proxy(members, {
    get(target, key) {
      if (typeof key === 'symbol' || key in target) return target[key]
      throw new Error(`${name} has no ${String(key)}`)
    },
  })
}

function value(name, initial, more = {}) {
  const observers = []
  let marked = false
  let now = initial
  const change = next => {
    now = next
    observers.forEach(observer => observer(next))
  }
  const read = () => {
    if (!marked && observers.length === 0) throw new Error(`${name} is read, and nobody marked it`)
    return now
  }
  const shown = { markInterested() { marked = true }, addValueObserver(f) { observers.push(f) }, get: read, ...more }
  return { shown: strict(name, shown), change, peek: () => now }
}

const sent = []
const tasks = []
let now = 1000
let ready = false
const playing = value('isPlaying', false)
const beats = value('playPosition', 0)
const seconds = value('playPositionInSeconds', 0)
const follow = value('boolean setting', true)
const markers = [...Array(128)].map(() => ({
  exists: value('exists', false), name: value('name', ''), position: value('position', 0),
}))
const slots = new Map()

function slot(track, scene) {
  const key = `${track}/${scene}`
  if (!slots.has(key)) slots.set(key, { name: value('slot name', ''), isPlaying: value('slot isPlaying', false) })
  return slots.get(key)
}

const shown = cells => strict('object', Object.fromEntries(Object.entries(cells).map(([k, v]) => [k, () => v.shown])))
let tempoMarked = false
const tempo = strict('tempo', {
  markInterested() { tempoMarked = true },
  value: () => strict('value', { getRaw() { if (!tempoMarked) throw new Error('tempo is not marked'); return 120 } }),
})

function number(initial) {
  let marked = false
  return strict('number', {
    markInterested() { marked = true },
    getRaw() { if (!marked) throw new Error('a number is read, and nobody marked it'); return initial },
  })
}

const host = strict('host', {
  setShouldFailOnDeprecatedUse() {},
  defineController(...a) { if (a.length !== 5 || !/^[0-9a-f-]{36}$/.test(a[3])) throw new Error('defineController') },
  defineMidiPorts() {},
  scheduleTask(f, ms) {
    if (typeof f !== 'function' || !Number.isInteger(ms)) throw new Error('scheduleTask')
    tasks.push(f)
  },
  errorln(text) { throw new Error(text) },
  getPreferences: () => strict('preferences', {
    getNumberSetting(...a) { if (a.length !== 7) throw new Error('getNumberSetting'); return number(a[6]) },
    getBooleanSetting(...a) { if (a.length !== 3) throw new Error('getBooleanSetting'); return follow.shown },
  }),
  getOscModule: () => strict('osc', {
    createAddressSpace: () => strict('space', {}),
    connectToUdpServer: (name, port) => strict('connection', {
      sendMessage(address, ...values) { sent.push([address, ...values]) },
    }),
  }),
  createTransport: () => strict('transport', {
    tempo: () => tempo, playPosition: () => beats.shown, isPlaying: () => playing.shown,
    playPositionInSeconds: () => seconds.shown,
  }),
  createArranger: () => strict('arranger', {
    createCueMarkerBank: n => strict('bank', { getItemAt: i => { if (i >= n) throw new Error('bank'); return shown(markers[i]) } }),
  }),
  createMainTrackBank: (tracks, sends, scenes) => strict('bank', {
    getItemAt: t => strict('track', { clipLauncherSlotBank: () => strict('slots', { getItemAt: s => shown(slot(t, s)) }) }),
  }),
})

const world = { loadAPI() {}, host, Date: { now: () => now * 1000 }, Math, Map, Error, Array }
vm.createContext(world)
vm.runInContext(fs.readFileSync(process.argv[2], 'utf8'), world)
vm.runInContext('init()', world)

const steps = []
function step(name, act) {
  sent.length = 0
  act()
  steps.push([name, sent.map(message => [...message])])
}
function pass(by) {
  now += by
  beats.change(beats.peek() + 2 * by)
  seconds.change(seconds.peek() + by)
}
function runTasks() {
  tasks.splice(0).forEach(task => task())
}
function locate(to) {
  beats.change(2 * to)
  seconds.change(to)
}
function mark(i, name, place) {
  markers[i].exists.change(true)
  markers[i].name.change(name)
  markers[i].position.change(place)
}

mark(0, 'cue 12', 2)
mark(1, 'Chorus', 2)
mark(2, 'snapshot dark', 40)
step('before it is anywhere', runTasks)
step('locate while it rests', () => locate(0.75))
step('play', () => playing.change(true))
step('near', () => { pass(0.1) })
step('past', () => { pass(0.5) })
step('each second', () => { now += 0.25; runTasks() })
step('jump', () => { now += 0.05; locate(19.9) })
step('stop', () => playing.change(false))
step('clip', () => { slot(3, 4).name.change('cue 7 hold'); slot(3, 4).isPlaying.change(true) })
step('clip ends', () => slot(3, 4).isPlaying.change(false))
step('other clip', () => { slot(1, 1).name.change('drums'); slot(1, 1).isPlaying.change(true) })
step('not following', () => { follow.change(false); runTasks(); playing.change(true); playing.change(false) })
vm.runInContext('exit()', world)
console.log(JSON.stringify(Object.fromEntries(steps)))
