// @ts-check
/**
 * Where changes are kept until they are saved: a shelf for each tab, in the browser's own store, so that they outlive it.
 * A tab holds the lock of its shelf while it lives; a shelf whose lock is free was left behind, and is taken over.
 */

/** @typedef {import('./queue.js').Change} Change */

const shelves = `taskora.changes.${document.body.dataset.user}.`
const name = shelves + tab()

/** This tab's own name, over reloads too. */
function tab() {
  const had = sessionStorage.getItem('taskora.tab')
  const made = had ?? String(crypto.getRandomValues(new Uint32Array(2)).join('-'))
  sessionStorage.setItem('taskora.tab', made)
  return made
}

// Where there are no locks (a page without TLS) nothing is taken over; a tab still finds its own.
if (navigator.locks) void navigator.locks.request(name, () => new Promise(() => {}))

/** @param {string} shelf @returns {Change[]} */
const read = (shelf) => JSON.parse(localStorage.getItem(shelf) ?? '[]')

export const mine = () => read(name)

/** @param {Change[]} changes */
export function put(changes) {
  if (changes.length) localStorage.setItem(name, JSON.stringify(changes))
  else localStorage.removeItem(name)
}

/** Hand over what tabs that are gone have left. @param {(left: Change[]) => void} take */
export async function orphans(take) {
  if (!navigator.locks) return
  for (const shelf of Object.keys(localStorage).filter((key) => key.startsWith(shelves) && key !== name)) {
    await navigator.locks.request(shelf, { ifAvailable: true }, (lock) => {
      if (!lock) return
      take(read(shelf))
      localStorage.removeItem(shelf)
    })
  }
}
