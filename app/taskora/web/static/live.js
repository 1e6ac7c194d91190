// @ts-check
/** Live updates: a newer head means this page is fetched again. */
import { refresh, shownSeq } from './page.js'
import { busy, hurry, onRest } from './queue.js'
import { setLive, setSignedOut } from './status.js'
import { openStream } from './stream.js'

let newest = shownSeq()

function look() {
  if (newest > shownSeq() && !busy()) void refresh()
}
onRest(look)

/** @param {import('./stream.js').News} news */
function hear(news) {
  if (news.kind === 'head') {
    newest = news.seq
    // Behind this page: the server went back in time, and only a new start makes both agree.
    if (news.again && news.seq < shownSeq()) location.reload()
    else look()
  } else if (news.kind === 'status') {
    setLive(news.live)
    if (news.live === 'ok') hurry()
  } else setSignedOut()
}

export function listen() {
  const { worker = '', user = '' } = document.body.dataset
  if (!('SharedWorker' in window)) return openStream(shownSeq(), hear)
  // By user, so that signing in as somebody else does not join the stream of the one before.
  const { port } = new SharedWorker(worker, { type: 'module', name: `taskora ${user}` })
  port.onmessage = ({ data }) => hear(data)
  port.postMessage({ seq: shownSeq() })
  window.addEventListener('pagehide', () => port.postMessage('bye'))
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) port.postMessage({ seq: shownSeq() })
  })
}
