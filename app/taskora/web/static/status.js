// @ts-check
/** The weather in plain words: the line in the sidebar, and a banner when there is something to know. */

import { icon, made } from './dom.js'

const BRIEF = 2500

/** @typedef {'ok' | 'down' | 'offline'} Reach */

/** @type {{reach: Reach, live: string, signedOut: boolean, pending: number}} */
const weather = { reach: navigator.onLine ? 'ok' : 'offline', live: 'connecting', signedOut: false, pending: 0 }
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later

/** How sending goes. @param {Reach} reach */
export function setReach(reach) {
  weather.reach = reach
  soon()
}

/** How the event stream does. @param {string} live ok, delayed, down, lost */
export function setLive(live) {
  weather.live = live
  if (live === 'ok') weather.reach = 'ok'
  soon()
}

/** How many changes wait to be sent. @param {number} pending */
export function setPending(pending) {
  weather.pending = pending
  soon()
}

export function setSignedOut() {
  weather.signedOut = true
  soon()
}

window.addEventListener('offline', () => setReach('offline'))
window.addEventListener('online', () => setReach('ok'))

/** Good news at once; bad news when it lasts. */
function soon() {
  clearTimeout(later)
  if (words().level === 'fine') say()
  else later = setTimeout(say, BRIEF)
}

function words() {
  const { reach, live, pending, signedOut } = weather
  const kept = pending === 0 ? 'What you change is kept here and saved when it is back.' : `${counted(pending)} kept here and saved when it is back.`
  if (signedOut) return { level: 'bad', glyph: 'user', line: 'Signed out', head: 'Signed out elsewhere.', text: 'What you typed is kept here.' }
  if (reach === 'offline') return { level: 'warn', glyph: 'offline', line: 'Offline', head: 'You’re offline.', text: kept.replace('it is', 'you’re') }
  if (reach === 'down' || live === 'down') return { level: 'warn', glyph: 'cloud', line: 'Taskora isn’t answering', head: 'Taskora isn’t answering.', text: `Nothing saved is lost. ${kept}` }
  if (live === 'delayed' || live === 'lost') return { level: 'note', glyph: 'cloud', line: 'Live updates delayed. Saving works', head: 'Live updates delayed.', text: 'Saving works; changes from other devices take a little longer.' }
  return { level: 'fine', glyph: '', line: pending ? 'Saving' : 'Up to date', head: '', text: '' }
}

function say() {
  const { level, glyph, line, head, text } = words()
  const place = document.getElementById('live')
  const wording = document.getElementById('live-text')
  if (place) place.dataset.level = level
  if (wording && wording.textContent !== line) wording.textContent = line
  const banner = document.getElementById('weather')
  if (!banner || banner.dataset.said === head + text) return
  banner.dataset.said = head + text
  banner.replaceChildren(...(level === 'fine' ? [] : [strip(level, glyph, head, text)]))
}

/** @param {string} level @param {string} glyph @param {string} head @param {string} text */
function strip(level, glyph, head, text) {
  const door = weather.signedOut && made('a', { class: 'btn quiet sm', href: `/sign-in?next=${encodeURIComponent(location.pathname)}` }, 'Sign in')
  return made('div', { class: level === 'note' ? 'banner' : `banner ${level}` }, icon(glyph), made('span', {}, made('b', {}, head), ` ${text}`), door)
}

/** The open task was saved: say when. */
export function setSaved() {
  const place = document.getElementById('saved')
  const { zone, clock } = document.body.dataset
  if (place) place.textContent = `Saved ${new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: 'numeric', minute: '2-digit', hour12: clock === '12h' }).format()}`
}

/** @param {number} pending */
function counted(pending) {
  const names = ['', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine']
  return `${names[pending] ?? pending} ${pending === 1 ? 'change is' : 'changes are'}`
}
