// @ts-check
/** One event stream to Taskora, for a tab or for the worker that all tabs share. */

/** @typedef {{kind: 'head', seq: number, again?: boolean} | {kind: 'status', live: string} | {kind: 'signed-out'}} News */

const TYPES = ['created', 'updated', 'completed', 'reopened', 'deleted', 'restored', 'notified', 'notifications_changed', 'tags_changed', 'views_changed']
const PATIENCE = 3000
const LONGEST_WAIT = 30_000
const TICK = 10_000
/** Timers of a tab in the background run once a minute: only a longer gap is sleep. */
const SLEPT = 180_000

/**
 * Follow the user's changes after `seq`, for as long as the page or worker lives.
 * @param {number} seq
 * @param {(news: News) => void} tell
 */
export function openStream(seq, tell) {
  let wait = 1000
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let doubt

  /** @type {EventSource | undefined} */
  let stream

  function connect() {
    const source = new EventSource(`/api/v1/events?since=${seq}`)
    stream = source
    /** @param {MessageEvent} event */
    const moved = (event) => {
      seq = Number(event.lastEventId)
      tell({ kind: 'head', seq, again: event.type === 'resync' })
    }
    for (const type of TYPES) source.addEventListener(`dev.taskora.task.${type}.v1`, moved)
    source.addEventListener('resync', moved)
    source.addEventListener('status', (event) => tell({ kind: 'status', live: JSON.parse(event.data).live }))
    source.addEventListener('signed-out', () => {
      source.close()
      tell({ kind: 'signed-out' })
    })
    source.onopen = () => {
      clearTimeout(doubt)
      wait = 1000
    }
    source.onerror = () => {
      clearTimeout(doubt)
      doubt = setTimeout(() => tell({ kind: 'status', live: 'lost' }), PATIENCE)
      if (source.readyState === EventSource.CLOSED) void refused()
    }
  }

  /** The browser gives up on any answer but 200: find out why, then go on or stop. */
  async function refused() {
    const answer = await fetch(`/api/v1/changes?since=${seq}`).catch(() => null)
    const status = answer?.status ?? 0
    if (status === 401) return tell({ kind: 'signed-out' })
    // Where the feed does not reach: long asleep, or the database was restored. Pages are loaded anew, and go on from there.
    if (status === 410) {
      seq = (await answer?.json()).seq
      tell({ kind: 'head', seq, again: true })
    } else if (status === 0 || status >= 500) tell({ kind: 'status', live: 'down' })
    setTimeout(connect, wait * (0.5 + Math.random()))
    wait = Math.min(wait * 2, LONGEST_WAIT)
  }

  // A connection that a machine slept over may be dead without a word: after sleep there is a new one.
  let ticked = Date.now()
  setInterval(() => {
    const slept = Date.now() - ticked > SLEPT
    ticked = Date.now()
    if (!slept || stream?.readyState === EventSource.CLOSED) return
    stream?.close()
    connect()
  }, TICK)
  connect()
}
