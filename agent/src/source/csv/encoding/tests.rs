use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// All text of a file that arrives in pieces of a given size.
fn decode(bytes: &[u8], declared: Encoding, piece_bytes: usize) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(Pieces { bytes, piece_bytes }, declared)?;
    let mut text = Vec::new();
    while decoder.fill(&mut text)? {}
    Ok(text)
}

/// A reader that gives a few bytes at a time.
pub(in crate::source::csv) struct Pieces<'b> {
    pub(in crate::source::csv) bytes: &'b [u8],
    pub(in crate::source::csv) piece_bytes: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece_bytes = self.piece_bytes.min(into.len());
        self.bytes.read(&mut into[..piece_bytes])
    }
}

/// The text, `⟨?⟩` for what is not decodable, or the refusal.
fn shown(bytes: impl AsRef<[u8]>, declared: Encoding) -> String {
    match decode(bytes.as_ref(), declared, 5) {
        Ok(text) => {
            let text: Vec<&[u8]> = text.split(|byte| *byte == UNDECODABLE).collect();
            String::from_utf8(text.join("⟨?⟩".as_bytes())).unwrap()
        }
        Err(error) => error.to_string(),
    }
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

/// `Nguyễn Đình Sơn` in Windows-1258, tone marks behind their vowels.
const SON: &[u8] = b"Nguy\xea\xden \xd0i\xccnh S\xf5n";

#[test]
fn a_mark_is_certain_whatever_is_declared() {
    let text = "id,tên\n1,Đức\n";
    for declared in [
        Encoding::Auto,
        Encoding::Utf8,
        Encoding::CodePage(encoding_rs::WINDOWS_1258),
        Encoding::Utf16Be,
    ] {
        assert_eq!(shown(format!("\u{feff}{text}"), declared), text);
        let marked = format!("\u{feff}{text}");
        assert_eq!(shown(utf16(&marked, u16::to_le_bytes), declared), text);
        assert_eq!(shown(utf16(&marked, u16::to_be_bytes), declared), text);
    }
    assert_snapshot!(shown(b"\xff\xfe\0\0i\0\0\0", Encoding::Auto), @"it is in UTF-32, which is not read; save it as UTF-8");
}

#[test]
fn a_declared_encoding_is_read_as_it_says() {
    let text = "id,tên\n1,Đức 😀\n";
    assert_eq!(
        shown(utf16(text, u16::to_le_bytes), Encoding::Utf16Le),
        text
    );
    assert_eq!(
        shown(utf16(text, u16::to_be_bytes), Encoding::Utf16Be),
        text
    );
    assert_snapshot!(shown(b"caf\xe9 \x80", Encoding::CodePage(encoding_rs::WINDOWS_1252)), @"café €");
    let son = shown(SON, Encoding::CodePage(encoding_rs::WINDOWS_1258));
    assert_eq!(son, "Nguyê\u{303}n Đi\u{300}nh Sơn");
}

#[test]
fn what_is_no_character_is_marked() {
    let mut half_pair = utf16("a", u16::to_le_bytes);
    half_pair.extend(0xd83d_u16.to_le_bytes());
    half_pair.extend(utf16("b,\n", u16::to_le_bytes));
    assert_snapshot!(shown(&half_pair, Encoding::Utf16Le), @"a⟨?⟩b,");
    assert_snapshot!(shown(b"a\x81b", Encoding::CodePage(encoding_rs::WINDOWS_1252)), @"a⟨?⟩b");
    assert_snapshot!(shown(b"a\x9db \xd2", Encoding::CodePage(encoding_rs::WINDOWS_1258)), @"a⟨?⟩b ̉");
    assert_eq!(decode(b"a\xc3,b", Encoding::Utf8, 1).unwrap(), b"a\xc3,b");
}

#[test]
fn auto_refuses_what_is_not_utf8_and_says_what_it_looks_like() {
    let vietnamese = [b"id,name\n1,An\n2,", SON, b"\n3,Hoa\n4,Th\xf9y\n"].concat();
    assert_snapshot!(shown(&vietnamese, Encoding::Auto), @r#"line 3 is not UTF-8; the file looks like windows-1258, in which that line and the next are "2,Nguyễn Đình Sơn" and "4,Thùy"; if that is right, write `encoding = "windows-1258"` for this source"#);
    assert_snapshot!(shown(b"id,name\n1,Andr\xe9\n2,Zo\xeb\n", Encoding::Auto), @r#"line 2 is not UTF-8; the file looks like windows-1252, in which that line and the next are "1,André" and "2,Zoë"; if that is right, write `encoding = "windows-1252"` for this source"#);
    assert_snapshot!(shown(b"id,name\n1,Andr\xc3\xa9\n2,Zo\xeb\n", Encoding::Auto), @r#"line 3 is not UTF-8; what stands before it is; it reads "2,Zo�"; mend it, or write `encoding = "utf-8"` for this source, which puts such rows into quarantine"#);
    assert_snapshot!(shown(utf16("id,name\n1,Đức\n", u16::to_le_bytes), Encoding::Auto), @r#"it looks like utf-16le without a byte order mark, in which its first lines are "id,name" and "1,Đức"; if that is right, write `encoding = "utf-16le"` for this source"#);
    assert_snapshot!(shown(utf16("id,name\n1,Đức\n", u16::to_be_bytes), Encoding::CodePage(encoding_rs::WINDOWS_1258)), @r#"it looks like utf-16be without a byte order mark, in which its first lines are "id,name" and "1,Đức"; if that is right, write `encoding = "utf-16be"` for this source"#);
}

#[test]
fn a_declaration_that_cannot_be_is_refused() {
    assert_snapshot!(shown("id,name\n1,An\n", Encoding::Utf16Le), @"it is not utf-16le, which is declared: it has no byte 0; correct `encoding` of this source");
    assert_snapshot!(shown("id,name\n1,Đức\n", Encoding::CodePage(encoding_rs::WINDOWS_1258)), @r#"all of it is UTF-8, and not windows-1258, which is declared; write `encoding = "utf-8"` for this source"#);
    assert_snapshot!(shown("id,name\n1,An\n", Encoding::CodePage(encoding_rs::WINDOWS_1258)), @"
    id,name
    1,An
    ");
}

#[test]
fn damaged_utf8_is_not_read_as_a_code_page() {
    let one_damaged = "id,tên\n1,Đức\n2,Hương\n3,Th?\u{301}y\n".replace('?', "ù");
    let mut one_damaged = one_damaged.into_bytes();
    let place = one_damaged
        .windows(2)
        .position(|pair| pair == "ù".as_bytes());
    one_damaged[place.unwrap()] = b'?';
    assert_snapshot!(shown(&one_damaged, Encoding::CodePage(encoding_rs::WINDOWS_1258)), @r#"it looks like damaged UTF-8 and not windows-1258, which is declared: 6 of its characters are written as in UTF-8, against 1; write `encoding = "utf-8"` for this source, which puts damaged rows into quarantine, or, if it is windows-1258 all the same, save it as UTF-8"#);
    assert_snapshot!(shown(b"id,name\n1,Andr\xc3\xa9\n2,Zo\xeb\n", Encoding::CodePage(encoding_rs::WINDOWS_1252)), @r#"it looks like damaged UTF-8 and not windows-1252, which is declared: 1 of its characters are written as in UTF-8, against 1; write `encoding = "utf-8"` for this source, which puts damaged rows into quarantine, or, if it is windows-1252 all the same, save it as UTF-8"#);
    // In French a no-break space stands before a closing quote.
    let french =
        b"id,note\n1,\xab\xa0caf\xe9\xa0\xbb d\xe9j\xe0 vu\n2,\xe9t\xe9\n3,for\xeat\n4,p\xe8re\n";
    assert_snapshot!(shown(french, Encoding::CodePage(encoding_rs::WINDOWS_1252)), @r"
    id,note
    1,« café » déjà vu
    2,été
    3,forêt
    4,père
    ");
}

#[test]
fn a_file_that_ends_within_a_character_is_cut_off() {
    let cut = "it ends in the middle of a character; it is still being written, or was cut";
    for declared in [Encoding::Auto, Encoding::Utf8] {
        for end in [&b"\xc4"[..], b"\xe1\xbb", b"\xf0\x9f\x98"] {
            assert_eq!(shown([b"id\n1,", end].concat(), declared), cut);
            let marked = [b"\xef\xbb\xbfid\n1,", end].concat();
            assert_eq!(
                shown(marked, Encoding::CodePage(encoding_rs::WINDOWS_1252)),
                cut
            );
        }
    }
    for (declared, bytes_of) in [
        (Encoding::Utf16Le, u16::to_le_bytes as fn(u16) -> [u8; 2]),
        (Encoding::Utf16Be, u16::to_be_bytes),
    ] {
        let whole = utf16("id\n1,😀", bytes_of);
        assert_eq!(shown(&whole, declared), "id\n1,😀");
        for missing in 1..4 {
            let cut_off = &whole[..whole.len() - missing];
            assert_eq!(shown(cut_off, declared), cut, "{missing}");
        }
    }
}

#[test]
fn the_line_is_counted_with_every_line_end() {
    for (bytes, line) in [
        (&b"a\r\nb\r\n\xff\xff"[..], 3),
        (b"a\rb\r\xff\xff", 3),
        (b"a\n\n\xff\xff\n", 3),
        (b"\xff\xff", 1),
    ] {
        let Err(DecodeError::NotUtf8 { line: found, .. }) = decode(bytes, Encoding::Auto, 1) else {
            panic!("taken: {bytes:?}");
        };
        assert_eq!(found, line, "{bytes:?}");
    }
}

const ENCODINGS: [Encoding; 6] = [
    Encoding::Auto,
    Encoding::Utf8,
    Encoding::Utf16Le,
    Encoding::Utf16Be,
    Encoding::CodePage(encoding_rs::WINDOWS_1252),
    Encoding::CodePage(encoding_rs::WINDOWS_1258),
];

proptest! {
    #[test]
    fn pieces_make_no_difference(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        declared in prop::sample::select(ENCODINGS.to_vec()),
        piece_bytes in 1usize..9,
    ) {
        let whole = decode(&bytes, declared, 100).map_err(|error| error.to_string());
        let pieces = decode(&bytes, declared, piece_bytes).map_err(|error| error.to_string());
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn text_comes_back(text in "[a-zđ€\n,]{1,3}[^\0\u{feff}]{0,40}") {
        prop_assert_eq!(decode(text.as_bytes(), Encoding::Auto, 7).unwrap(), text.as_bytes());
        for (declared, bytes_of) in [
            (Encoding::Utf16Le, u16::to_le_bytes as fn(u16) -> [u8; 2]),
            (Encoding::Utf16Be, u16::to_be_bytes),
        ] {
            let bytes = utf16(&format!("\u{feff}{text}"), bytes_of);
            prop_assert_eq!(decode(&bytes, declared, 7).unwrap(), text.as_bytes());
        }
    }
}
