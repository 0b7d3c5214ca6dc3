import { GroupSubscription } from '../group-subscription.ts'
export class OrderedSubscription extends GroupSubscription {}
