// Sends with @segment/analytics-node, one client for each run that it is told of, and tells in JSON what was not delivered.
import { Analytics } from '@segment/analytics-node'

const { url, key, runs } = JSON.parse(process.argv[2])
const failed = []

for (const { who, mode, at, tracks } of runs) {
  const analytics = new Analytics({ writeKey: key, host: url, ...mode })
  analytics.on('error', (error) => failed.push(String(error.reason ?? error)))
  const timestamp = (seconds) => new Date(at + seconds * 1000)
  const anonymousId = `${who}-device`

  analytics.identify({ userId: who, anonymousId, traits: { email: `${who}@Example.com`, city: 'Milan' }, timestamp: timestamp(0) })
  analytics.track({
    userId: who,
    event: 'Order Completed',
    properties: { total: 25.5, currency: 'EUR' },
    context: {
      campaign: { source: 'google', medium: 'cpc', name: 'spring' },
      externalIds: [{ id: `${who}-card`, type: 'loyalty_card', collection: 'users', encoding: 'none' }],
    },
    timestamp: timestamp(1),
  })
  analytics.page({ anonymousId, category: 'Docs', name: 'Home', properties: { url: 'https://shop.example.com/' }, timestamp: timestamp(2) })
  analytics.screen({ anonymousId, name: 'Cart', properties: { items: 2 }, timestamp: timestamp(3) })
  analytics.group({ userId: who, groupId: 'acme', traits: { plan: 'pro' }, timestamp: timestamp(4) })
  analytics.alias({ userId: who, previousId: `${who}-old`, timestamp: timestamp(5) })
  for (let number = 0; number < tracks; number++) {
    analytics.track({ userId: who, event: 'Counted', properties: { number }, messageId: `${who}-${number}` })
    if (number === tracks / 2) {
      await analytics.flush()
      console.log('half')
    }
    if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await analytics.closeAndFlush({ timeout: 60000 })
}
console.log(JSON.stringify(failed))
