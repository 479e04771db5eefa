/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/width.h"

#include <utf8proc.h>

#define HANGUL_JAMO 0x1160u /* medial vowels and final consonants .. */
#define HANGUL_END  0x11ffu /* join the syllable before */

unsigned
width_of(uint32_t point)
{
	utf8proc_category_t category;

	if (point < 0x300)
		return 1; /* also the soft hyphen, as xterm draws it */
	category = utf8proc_category((utf8proc_int32_t)point);
	if (category == UTF8PROC_CATEGORY_MN ||
	    category == UTF8PROC_CATEGORY_ME ||
	    category == UTF8PROC_CATEGORY_CF)
		return 0;
	if (point >= HANGUL_JAMO && point <= HANGUL_END)
		return 0;
	return utf8proc_charwidth((utf8proc_int32_t)point) == 2 ? 2 : 1;
}
