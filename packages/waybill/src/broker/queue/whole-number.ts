import { TypedField, plainValue, type FieldValue } from '../wire/field-table.ts'

/** A field of one of the letters of whole numbers, whichever its width; `undefined` when it is none. */
export function wholeNumber(field: FieldValue): number | undefined {
  if (!(field instanceof TypedField) || !'bBsuIil'.includes(field.letter)) return undefined
  return plainValue(field) as number // what these letters hold
}
