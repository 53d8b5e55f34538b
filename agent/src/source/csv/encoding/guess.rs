//! Which code page bytes that are no UTF-8 may be in: a guess, which a person confirms by the lines
//! that are shown with it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{MACINTOSH, WINDOWS_1252, WINDOWS_1258};

use crate::source::Encoding;

/// A guess at a file's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) page: &'static encoding_rs::Encoding,
    /// Whether the letters make words in it, as far as can be told.
    pub(crate) is_plausible: bool,
}

impl Guess {
    /// Whether files in this encoding are read.
    pub(crate) fn is_read(self) -> bool {
        self.page.is_single_byte()
    }

    /// What to declare for it.
    pub(crate) fn encoding(self) -> Encoding {
        Encoding::CodePage(self.page)
    }
}

/// Guesses by the characters that follow each other in a file's lines.
pub(crate) fn guess(lines: &[u8]) -> Guess {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(lines, true);
    let page = detector.guess(None, Utf8Detection::Deny);
    if page != WINDOWS_1252 {
        return Guess {
            page,
            is_plausible: true,
        };
    }
    if is_vietnamese(lines) {
        return Guess {
            page: WINDOWS_1258,
            is_plausible: true,
        };
    }
    // The detector knows no Mac Roman, and takes Windows-1252 for what it does not know.
    let [windows, macintosh] = [WINDOWS_1252, MACINTOSH].map(|page| Words::read(lines, page));
    let (page, words) = if macintosh.broken < windows.broken {
        (MACINTOSH, macintosh)
    } else {
        (WINDOWS_1252, windows)
    };
    Guess {
        page,
        is_plausible: words.broken * 4 <= words.characters,
    }
}

/// Whether one in three of the characters that are not ASCII is a tone mark of Windows-1258 behind a
/// vowel, or a đ at the beginning of a word. The detector needs more text than a line to tell.
fn is_vietnamese(lines: &[u8]) -> bool {
    // Grave, hook above, tilde, acute, dot below.
    const TONE_MARKS: [u8; 5] = [0xcc, 0xd2, 0xde, 0xec, 0xf2];
    // Â Ă Ê Ô Ơ Ư and their small letters, besides the vowels of ASCII.
    const VOWELS: &[u8] = b"aeiouyAEIOUY\xc2\xc3\xca\xd4\xd5\xdd\xe2\xe3\xea\xf4\xf5\xfd";
    const D_WITH_STROKE: [u8; 2] = [0xd0, 0xf0];
    let padded = [b" ", lines].concat();
    let signs = padded.windows(2).filter(|pair| {
        let is_tone = TONE_MARKS.contains(&pair[1]) && VOWELS.contains(&pair[0]);
        let is_first = pair[0].is_ascii() && !pair[0].is_ascii_alphabetic();
        is_tone || D_WITH_STROKE.contains(&pair[1]) && is_first
    });
    let beyond_ascii = lines.iter().filter(|byte| !byte.is_ascii()).count();
    signs.count() * 3 >= beyond_ascii
}

/// Signs that stand between two letters in no word, as against dashes, quotes and `×`.
const SIGNS: &str = "‡†ˆ‰¡¢£¤¥¦§¨¬¯¶¸¿¼½¾";

/// What a code page makes of the characters beside ASCII letters.
struct Words {
    characters: usize,
    /// Those that no word has there: empty places of the code page, signs, and capitals among
    /// small letters.
    broken: usize,
}

impl Words {
    fn read(lines: &[u8], page: &'static encoding_rs::Encoding) -> Self {
        let mut words = Self {
            characters: 0,
            broken: 0,
        };
        let padded = [b" ", lines, b" "].concat();
        for window in padded.windows(3) {
            let &[before, byte, after] = window else {
                continue;
            };
            let is_beside_letter = before.is_ascii_alphabetic() || after.is_ascii_alphabetic();
            if byte.is_ascii() || !is_beside_letter {
                continue;
            }
            let bytes = [byte];
            let (text, _) = page.decode_without_bom_handling(&bytes);
            let character = text.chars().next().unwrap_or_default();
            words.characters += 1;
            let is_letter = |byte: u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
            let is_capital_within = character.is_uppercase()
                && before.is_ascii_alphabetic()
                && (before.is_ascii_lowercase() || after.is_ascii_lowercase());
            let is_sign_within = SIGNS.contains(character) && is_letter(before) && is_letter(after);
            words.broken +=
                usize::from(character.is_control() || is_capital_within || is_sign_within);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(encoding: &'static encoding_rs::Encoding, text: &str) -> (&'static str, bool) {
        let (bytes, _, _) = encoding.encode(text);
        let guess = guess(&bytes);
        (guess.page.name(), guess.is_plausible)
    }

    #[test]
    fn code_pages_are_told_by_their_letters() {
        for (page, lines) in [
            (encoding_rs::WINDOWS_1251, "1,Москва\n2,Тверь\n"),
            (encoding_rs::IBM866, "1,Москва\n2,Санкт-Петербург\n"),
            (
                encoding_rs::WINDOWS_1250,
                "1,Łukasz Wiśniewski\n2,Agnieszka Dąbrowska\n",
            ),
            (
                encoding_rs::WINDOWS_1250,
                "1,Kovács Győző\n2,Szűcs Éva\n3,Tóth Erzsébet\n",
            ),
            (encoding_rs::WINDOWS_1252, "1,André\n2,Zoë\n"),
            (encoding_rs::WINDOWS_1252, "1,L’été à Orléans\n2,Cœur\n"),
            (encoding_rs::WINDOWS_1252, "1,5 €\n2,10°C\n3,½ kg\n4,2×4\n"),
            (
                encoding_rs::WINDOWS_1252,
                "1,as it is—or was\n2,it’s a “word”…\n3,MÜLLER\n",
            ),
            (encoding_rs::WINDOWS_1252, "1,Þórður\n2,Ægir Guðmundsson\n"),
            (encoding_rs::WINDOWS_1252, "1,Niccolò\n2,ciò che è più\n"),
            (encoding_rs::WINDOWS_1253, "1,Γιώργος\n2,Ελένη\n"),
            (encoding_rs::WINDOWS_1254, "1,Işıl Çağlar\n2,Gülşen\n"),
            (encoding_rs::WINDOWS_874, "1,สมชาย\n2,สมหญิง\n"),
            (encoding_rs::SHIFT_JIS, "1,田中太郎\n2,鈴木花子\n"),
            (encoding_rs::GBK, "1,王小明\n2,李丽\n"),
        ] {
            assert_eq!(guessed(page, lines), (page.name(), true), "{lines}");
        }
    }

    #[test]
    fn a_line_of_vietnamese_is_enough() {
        for line in [
            &b"2,Tr\xe2\xccn Th\xf2 B\xecch\n3,\xd0\xf5"[..],
            b"1,Nguy\xea\xden \xd0i\xccnh S\xf5n",
        ] {
            assert_eq!(guess(line).page.name(), "windows-1258", "{line:?}");
        }
    }

    #[test]
    fn mac_roman_is_told_by_letters_that_are_signs_in_other_pages() {
        for lines in [
            "1,Fran\u{e7}ois M\u{fc}ller\n2,Jos\u{e9} Ni\u{f1}o\n",
            "1,Jos\u{e9}\n",
        ] {
            let bytes: Vec<u8> = lines.chars().map(mac_roman).collect();
            let guess = guess(&bytes);
            assert_eq!((guess.page.name(), guess.is_plausible), ("macintosh", true));
        }
    }

    fn mac_roman(c: char) -> u8 {
        let is_it = |byte: &u8| {
            let bytes = [*byte];
            let (text, _) = MACINTOSH.decode_without_bom_handling(&bytes);
            text.starts_with(c)
        };
        (0..=255).find(is_it).unwrap()
    }

    #[test]
    fn a_page_that_is_not_known_is_not_plausible() {
        // François Müller, as DOS wrote him.
        let lines = b"1,Fran\x87ois M\x81ller\n2,Jos\x82\n";
        assert!(!guess(lines).is_plausible);
    }
}
