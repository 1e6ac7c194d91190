// @ts-check
/** One stream for all tabs of a browser: over HTTP/1.1 a browser opens six connections to a host, and a seventh tab would hang. */
import { openStream } from './stream.js'

/** @type {Set<MessagePort>} */
const tabs = new Set()
/** The last word of each kind, for tabs that come later. @type {Map<string, import('./stream.js').News>} */
const last = new Map()
let open = false

// @ts-expect-error -- the global of a shared worker, not of a page
self.onconnect = (/** @type {MessageEvent} */ joined) => {
  const tab = joined.ports[0]
  tab.onmessage = ({ data }) => {
    if (data === 'bye') return void tabs.delete(tab)
    tabs.add(tab)
    for (const news of last.values()) tab.postMessage(news)
    if (open) return
    open = true
    openStream(data.seq, (news) => {
      last.set(news.kind, news)
      for (const each of tabs) each.postMessage(news)
    })
  }
}
