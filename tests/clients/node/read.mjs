// Reads as an analyst with @clickhouse/client and tells in JSON what came of it.
import { createClient } from '@clickhouse/client'

const { url, user, password, database, sql, parameters, streamed, refused } = JSON.parse(process.argv[2])
const client = createClient({ url, username: user, password, database, log: { level: 127 } })

const ping = await client.ping()
const result = await client.query({ query: sql, query_params: parameters })
const rows = (await result.json()).data.map((row) => Object.values(row).map(String))

let count = 0
const stream = await client.query({ query: streamed, format: 'JSONEachRow' })
for await (const batch of stream.stream()) count += batch.length

const codes = []
for (const query of refused) {
  try {
    await client.command({ query })
    codes.push('')
  } catch (error) {
    codes.push(error.code)
  }
}
await client.close()
console.log(JSON.stringify({ ping: ping.success, rows, streamed: count, codes }))
