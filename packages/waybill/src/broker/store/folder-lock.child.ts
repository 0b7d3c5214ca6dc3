// Run by the test of the lock as another process: tries to take the folder and says what happened.
import { isWaybillError } from '../../message/errors.ts'
import { lockFolder } from './folder-lock.ts'

try {
  ;(await lockFolder(process.argv[2] ?? '')).release()
  process.stdout.write('taken')
} catch (error) {
  process.stdout.write(isWaybillError(error) ? error.code : String(error))
}
