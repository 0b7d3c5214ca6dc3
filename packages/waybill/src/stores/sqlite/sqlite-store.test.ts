import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describeStore } from '../store-clauses.test-support.ts'
import { sqliteStore } from './sqlite-store.ts'

const TABLES = ['inbox', 'outbox', 'schedule', 'relay', 'sequence', 'removed']

describeStore<DatabaseSync>({
  name: 'sqliteStore',
  missing: undefined,
  stage: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-sqlite-'))
    const path = join(folder, 'shop.db')
    const own = new DatabaseSync(path)
    own.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (text TEXT NOT NULL); PRAGMA busy_timeout = 5000')
    return {
      store: (options) => sqliteStore(path, options),
      write: async (tx, text) => void tx.prepare('INSERT INTO note VALUES (?)').run(text),
      notes: async () =>
        own
          .prepare('SELECT text FROM note')
          .all()
          .map(({ text }) => String(text)),
      fail: async (tx) => tx.exec('INSERT INTO note VALUES (NULL)'),
      clear: async () => {
        for (const table of TABLES) own.exec(`DELETE FROM waybill_${table}`)
        own.exec('DELETE FROM note; UPDATE waybill_lane SET owner = NULL')
      },
      run: async (text) => own.exec(text.replaceAll('{}', 'waybill_')),
      close: async () => {
        own.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
})
