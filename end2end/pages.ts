// Every page there is, for what looks at all of them: accessibility, weight, movement, scores and pictures.

import type { World } from './harness/world.ts';

export type Who = 'nobody' | 'member' | 'admin';

export interface PageToSee {
  /** The name of its picture. */
  name: string;
  /** Who looks at it. */
  who: Who;
  /** Its address, after what must happen first has happened. */
  path: (world: World) => string | Promise<string>;
  /** What a browser rightly complains of there. */
  complains?: RegExp;
}

const at = (path: string) => (): string => path;

export const PAGES: PageToSee[] = [
  { name: 'welcome', who: 'nobody', path: at('/') },
  { name: 'sign-in', who: 'nobody', path: at('/sign-in') },
  { name: 'help', who: 'nobody', path: at('/help') },
  { name: 'lost', who: 'nobody', path: at('/nothing-here'), complains: /nothing-here/ },
  { name: 'home', who: 'member', path: at('/') },
  { name: 'contacts', who: 'member', path: at('/contacts') },
  { name: 'contact-new', who: 'member', path: at('/contacts/new') },
  { name: 'contact', who: 'member', path: (world) => `/contacts/${world.contact}` },
  { name: 'contact-unverified', who: 'member', path: (world) => `/contacts/${world.unverified}` },
  { name: 'contact-blocked', who: 'member', path: (world) => `/contacts/${world.blocked}` },
  { name: 'email-new', who: 'member', path: at('/contacts/new?kind=email') },
  { name: 'account', who: 'member', path: at('/account') },
  { name: 'rules', who: 'member', path: at('/rules') },
  { name: 'rule-new', who: 'member', path: at('/rules/new') },
  { name: 'rule', who: 'member', path: (world) => `/rules/${world.rule}` },
  { name: 'quiet', who: 'member', path: at('/quiet') },
  { name: 'history', who: 'member', path: at('/history') },
  { name: 'thread', who: 'member', path: at('/history/about/S190425z') },
  { name: 'story', who: 'member', path: (world) => `/history/${world.alert.id}` },
  { name: 'phone', who: 'member', path: (world) => `/phone?contact=${world.contact}` },
  {
    name: 'phone-ringing',
    who: 'member',
    path: async (world) => {
      await world.ring();
      return `/phone?contact=${world.contact}`;
    },
  },
  { name: 'admin', who: 'admin', path: at('/admin') },
  { name: 'names', who: 'admin', path: at('/admin/names') },
];
