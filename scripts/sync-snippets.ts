// Puts the files that documents show into them: a line `<!-- file: path -->` names the file that the code block after it
// holds. With --check, fails where they differ instead.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BLOCK = /<!-- file: (\S+) -->\n+```(\w+)\n[\s\S]*?```/g
const check = process.argv.includes('--check')

const documents = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
let shown = 0
for (const document of documents) {
  const path = join(ROOT, document)
  const before = readFileSync(path, 'utf8')
  const after = before.replace(BLOCK, (_, file: string, language: string) => {
    shown++
    return `<!-- file: ${file} -->\n\n\`\`\`${language}\n${readFileSync(join(ROOT, file), 'utf8').trimEnd()}\n\`\`\``
  })
  if (before === after) continue
  if (check) {
    console.error(`${document} shows other code than the files it names: run npm run snippets`)
    process.exitCode = 1
  } else writeFileSync(path, after)
}
console.log(`snippets: ${shown} shown in ${documents.length} documents`)
