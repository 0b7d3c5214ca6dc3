import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PACKAGE_VERSION } from './package-version.ts'

test('PACKAGE_VERSION is that of package.json', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as unknown
  expect(manifest).toMatchObject({ version: PACKAGE_VERSION })
})
