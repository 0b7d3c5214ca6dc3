export { AWAITED_HEADER } from '../message/awaited.ts'
