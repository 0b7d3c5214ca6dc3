// Writes docs/errors.md from the catalogue of error codes; with --check, fails where the file differs.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES, type ErrorScope } from '../packages/waybill/src/message/error-codes.ts'

const FILE = fileURLToPath(new URL('../docs/errors.md', import.meta.url))
const SCOPES: readonly (readonly [ErrorScope, string])[] = [
  ['configuration', 'Refuse to start: nothing has been sent or consumed.'],
  ['connection', 'The link or the store: Waybill reconnects where that can help.'],
  ['subscription', 'One subscription: it is taken up again.'],
  ['message', 'One message or call: settle it, or send it again.'],
]

const sections = SCOPES.map(([scope, meaning]) => {
  const entries = Object.entries(ERROR_CODES).filter(([, entry]) => entry.scope === scope)
  const items = entries.map(([code, { cause, cure }]) => `### ${code}\n\n${cause}\n\n**Cure:** ${cure}\n`)
  return `## ${scope[0]?.toUpperCase()}${scope.slice(1)}\n\n${meaning}\n\n${items.join('\n')}`
})
const text = `# Error codes

Every error of Waybill is a \`WaybillError\` with a \`code\` from this list, a \`scope\` that says how far the damage reaches,
the likely cause and the cure in its text, and the native error as its \`cause\`. Tell errors apart with
\`isWaybillError(error, code)\`. A code keeps its meaning between major versions. Programmer mistakes throw \`TypeError\`.

${sections.join('\n')}`

if (!process.argv.includes('--check')) writeFileSync(FILE, text)
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('docs/errors.md differs from the catalogue: run npm run errors')
  process.exitCode = 1
}
