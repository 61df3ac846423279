// Every page there is, for what looks at all of them: pictures and accessibility.

export interface PageToSee {
  /** The name of its picture. */
  name: string;
  path: string;
}

export const PAGES: PageToSee[] = [{ name: 'home', path: '/' }];
