/**
 * What a message is for, which decides who may receive it (Hohpe and Woolf, Enterprise Integration Patterns, chapter 4).
 *
 * - `command`: an operation and its parameters; one recipient; may declare a typed reply
 * - `event`: something notable that happened; any number of recipients
 * - `query`: a question to one answerer
 * - `survey`: a question to many, some of whom answer
 * - `document`: data only; one recipient, who decides what it means
 * - `reply`: the answer to a command, query or survey
 */
export type MessageKind = 'command' | 'event' | 'query' | 'survey' | 'document' | 'reply'

export const MESSAGE_KINDS: readonly MessageKind[] = ['command', 'event', 'query', 'survey', 'document', 'reply']
