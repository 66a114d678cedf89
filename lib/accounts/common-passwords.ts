import list from './common-passwords.json' with { type: 'json' };

/**
 * The passwords that many people choose (`common-passwords.json`), in lower case: the 5,000 most frequent of at least eight characters, and the 1,000
 * most frequent shorter words, because a common word with a year behind it is as easily guessed (OWASP ASVS 5.0, 6.2.4
 * asks for 3,000).
 *
 * Taken from the list `passwords.json` of @zxcvbn-ts/language-common 4.1.3 (https://github.com/zxcvbn-ts/zxcvbn), which is
 * ordered by frequency in leaked password lists; here sorted by name, which compresses better. It comes under the MIT
 * license: Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.; Copyright (c) 2021 @zxcvbn-ts. Permission is hereby
 * granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
 * "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
 * merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions: the above copyright notice and this permission notice shall be
 * included in all copies or substantial portions of the Software. The software is provided "as is", without warranty of
 * any kind, express or implied, including but not limited to the warranties of merchantability, fitness for a particular
 * purpose and noninfringement. In no event shall the authors or copyright holders be liable for any claim, damages or other
 * liability, whether in an action of contract, tort or otherwise, arising from, out of or in connection with the software
 * or the use or other dealings in the software.
 *
 * About 21 KB compressed: a browser loads it on first focus, never with the page.
 */
export const commonPasswords: ReadonlySet<string> = new Set(list);
