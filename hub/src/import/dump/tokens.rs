//! A statement's words, names, strings, numbers and signs.

use std::borrow::Cow;

use super::dialect::Rules;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'s> {
    /// A word that is not quoted.
    Word(&'s str),
    /// A quoted name.
    Name(String),
    /// A string, its escapes undone.
    Text(Cow<'s, [u8]>),
    Number(&'s str),
    /// The bytes of `X'…'`.
    Blob(Vec<u8>),
    /// The bytes of `0x…` or `b'…'`, which MySQL takes for a text, a number or bytes as it needs.
    Bits(Vec<u8>),
    Sign(u8),
}

impl Token<'_> {
    /// Whether it is this word, in whatever case.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_sign(&self, sign: u8) -> bool {
        *self == Self::Sign(sign)
    }
}

/// The tokens of a statement, as far as they were not taken.
#[derive(Clone)]
pub(super) struct Tokens<'s> {
    bytes: &'s [u8],
    at: usize,
    rules: Rules,
    /// The line on which the next token begins, from the statement's first on.
    line: u64,
    counted: usize,
}

impl<'s> Tokens<'s> {
    pub(super) fn new(bytes: &'s [u8], line: u64, rules: Rules) -> Self {
        Self {
            bytes,
            at: 0,
            rules,
            line,
            counted: 0,
        }
    }

    /// The line of what comes next.
    pub(super) fn line(&mut self) -> u64 {
        self.skip_space();
        let passed = &self.bytes[self.counted..self.at];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = self.at;
        self.line
    }

    /// Where in the statement the next token is.
    pub(super) fn at(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The statement's text from a place to here.
    pub(super) fn since(&self, at: usize) -> Cow<'s, str> {
        String::from_utf8_lossy(self.bytes.get(at..self.at).unwrap_or_default())
    }

    pub(super) fn peek(&self) -> Option<Token<'s>> {
        self.clone().next()
    }

    /// Takes the next token if it is this word.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_it = self.peek().is_some_and(|token| token.is(word));
        if is_it {
            self.next();
        }
        is_it
    }

    /// Takes the next token if it is this sign.
    pub(super) fn take_sign(&mut self, sign: u8) -> bool {
        self.skip_space();
        let is_it = self.bytes.get(self.at) == Some(&sign);
        self.at += usize::from(is_it);
        is_it
    }

    /// Takes a name, of which the last part counts: `"public"."customer"`.
    pub(super) fn name(&mut self) -> Option<String> {
        loop {
            let part = match self.next()? {
                Token::Word(word) => word.to_owned(),
                Token::Name(name) => name,
                _ => return None,
            };
            if !self.take_sign(b'.') {
                return Some(part);
            }
        }
    }

    /// Passes over everything up to a comma or a closing parenthesis of this level, which stays.
    pub(super) fn skip_expression(&mut self) {
        let mut depth = 0_u32;
        loop {
            let before = self.at;
            match self.next() {
                None => return,
                Some(Token::Sign(b'(')) => depth += 1,
                Some(Token::Sign(b')')) if depth > 0 => depth -= 1,
                Some(Token::Sign(b')' | b',')) if depth == 0 => {
                    self.at = before;
                    return;
                }
                Some(_) => {}
            }
        }
    }

    fn skip_space(&mut self) {
        let rest = &self.bytes[self.at..];
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += space.count();
    }

    /// A string, behind its opening quote: whether backslashes escape is asked of the rules, unless it is
    /// known.
    fn string(&mut self, quote: u8, escapes: Option<bool>) -> Cow<'s, [u8]> {
        let escapes = escapes.or(self.rules.backslash()).unwrap_or(false);
        let begun = self.at;
        let plain = self.bytes[begun..]
            .iter()
            .position(|byte| *byte == quote || (escapes && *byte == b'\\'));
        let plain = begun + plain.unwrap_or(self.bytes.len() - begun);
        if self.bytes.get(plain) == Some(&quote) && self.bytes.get(plain + 1) != Some(&quote) {
            self.at = plain + 1;
            return Cow::Borrowed(&self.bytes[begun..plain]);
        }
        let mut text = self.bytes[begun..plain].to_vec();
        self.at = plain;
        while let Some(byte) = self.bytes.get(self.at).copied() {
            self.at += 1;
            if byte == quote {
                if self.bytes.get(self.at) != Some(&quote) {
                    break;
                }
                self.at += 1;
                text.push(quote);
            } else if byte == b'\\' && escapes {
                self.escape(&mut text);
            } else {
                text.push(byte);
            }
        }
        Cow::Owned(text)
    }

    /// Undoes an escape, behind its backslash.
    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.bytes.get(self.at).copied() else {
            return;
        };
        self.at += 1;
        let is_mysql = self.rules.is_mysql();
        match byte {
            b'0' if is_mysql => text.push(0),
            b'Z' if is_mysql => text.push(26),
            // For patterns: elsewhere both characters are the text's.
            b'%' | b'_' if is_mysql => text.extend([b'\\', byte]),
            b'b' => text.push(8),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'f' if !is_mysql => text.push(12),
            b'x' if !is_mysql => self.numbered(16, 2, text),
            b'u' if !is_mysql => self.unicode(4, text),
            b'U' if !is_mysql => self.unicode(8, text),
            b'0'..=b'7' if !is_mysql => {
                self.at -= 1;
                self.numbered(8, 3, text);
            }
            other => text.push(other),
        }
    }

    /// Takes up to so many digits.
    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let rest = &self.bytes[self.at..];
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let count = rest.iter().take(most).take_while(is_digit).count();
        let text = std::str::from_utf8(&rest[..count]).ok()?;
        self.at += count;
        u32::from_str_radix(text, radix).ok()
    }

    fn numbered(&mut self, radix: u32, most: usize, text: &mut Vec<u8>) {
        if let Some(value) = self.digits(radix, most) {
            text.push(value.to_le_bytes()[0]);
        }
    }

    fn unicode(&mut self, digits: usize, text: &mut Vec<u8>) {
        let mut code = self.digits(16, digits);
        if let Some(high @ 0xd800..0xdc00) = code
            && self.bytes[self.at..].starts_with(b"\\u")
        {
            self.at += 2;
            let low = self
                .digits(16, 4)
                .filter(|low| (0xdc00..0xe000).contains(low));
            code = low.map(|low| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        }
        match code.and_then(char::from_u32) {
            Some(of) => text.extend_from_slice(of.encode_utf8(&mut [0; 4]).as_bytes()),
            // No text of UTF-8 has this byte, so that the row is refused.
            None => text.push(0xff),
        }
    }

    /// A word or a number.
    fn word(&mut self) -> &'s str {
        let rest = &self.bytes[self.at..];
        let is_of_word = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
        };
        let mut len = rest.iter().take_while(|byte| is_of_word(byte)).count();
        // A word that is no UTF-8 is passed over byte by byte.
        while len > 0 && std::str::from_utf8(&rest[..len]).is_err() {
            len -= 1;
        }
        self.at += len;
        std::str::from_utf8(&rest[..len]).unwrap_or_default()
    }

    fn number(&mut self) -> &'s str {
        let rest = &self.bytes[self.at..];
        let mut len = 0;
        while let Some(byte) = rest.get(len) {
            let is_exponent_sign =
                matches!(byte, b'+' | b'-') && len > 0 && matches!(rest[len - 1], b'e' | b'E');
            if !(byte.is_ascii_alphanumeric() || *byte == b'.' || is_exponent_sign) {
                break;
            }
            len += 1;
        }
        self.at += len;
        std::str::from_utf8(&rest[..len]).unwrap_or_default()
    }
}

impl<'s> Tokens<'s> {
    /// Takes the next token.
    pub(super) fn next(&mut self) -> Option<Token<'s>> {
        self.skip_space();
        let rest = self.bytes.get(self.at..)?;
        let first = *rest.first()?;
        let quote_follows = rest.get(1) == Some(&b'\'');
        Some(match first {
            b'\'' => {
                self.at += 1;
                Token::Text(self.string(b'\'', None))
            }
            b'"' | b'`' => {
                self.at += 1;
                if first == b'"' && self.rules.is_mysql() {
                    Token::Text(self.string(first, None))
                } else {
                    let name = self.string(first, Some(false));
                    Token::Name(String::from_utf8_lossy(&name).into_owned())
                }
            }
            b'e' | b'E' if quote_follows => {
                self.at += 2;
                Token::Text(self.string(b'\'', Some(true)))
            }
            b'n' | b'N' if quote_follows => {
                self.at += 2;
                Token::Text(self.string(b'\'', None))
            }
            b'x' | b'X' if quote_follows => {
                self.at += 2;
                let digits = self.string(b'\'', Some(false));
                hex(&digits).map_or(Token::Word("X''"), Token::Blob)
            }
            b'b' | b'B' if quote_follows => {
                self.at += 2;
                let digits = self.string(b'\'', Some(false));
                bits(&digits).map_or(Token::Word("B''"), Token::Bits)
            }
            b'0' if matches!(rest.get(1), Some(b'x')) => {
                let digits = self.number();
                hex(&digits.as_bytes()[2..]).map_or(Token::Word(digits), Token::Bits)
            }
            b'0'..=b'9' => Token::Number(self.number()),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => Token::Number(self.number()),
            _ => match self.word() {
                "" => {
                    self.at += 1;
                    Token::Sign(first)
                }
                word => Token::Word(word),
            },
        })
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// Up to 64 bits as their bytes, the highest first.
fn bits(digits: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(digits).ok()?;
    let value = u64::from_str_radix(text, 2).ok()?;
    let bytes = digits.len().div_ceil(8).clamp(1, 8);
    Some(value.to_be_bytes()[8 - bytes..].to_vec())
}
