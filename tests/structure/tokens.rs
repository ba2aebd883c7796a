//! Rust source as tokens, as far as module paths need them: names, `::` and single characters. Comments, literals
//! and the tests that stand in a file (`#[cfg(test)] mod tests { ... }`) are left out.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or a keyword.
    Name(String),
    /// `::`
    Path,
    /// Any other character that is neither blank nor part of a literal.
    Mark(char),
}

impl Token {
    /// Whether it is this name.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(own) if own == name)
    }
}

/// The tokens of a file.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(&letter) = chars.get(at) {
        let rest = &chars[at..];
        at += match (letter, rest.get(1)) {
            ('/', Some('/')) => line_comment(rest),
            ('/', Some('*')) => block_comment(rest),
            ('"', _) => string(rest),
            ('\'', _) => character(rest),
            (':', Some(':')) => {
                tokens.push(Token::Path);
                2
            }
            _ if letter.is_alphabetic() || letter == '_' => match raw_string(rest) {
                Some(length) => length,
                None => {
                    let name: String = rest.iter().take_while(|it| is_of_name(**it)).collect();
                    let length = name.chars().count();
                    tokens.push(Token::Name(name));
                    length
                }
            },
            _ => {
                tokens.extend((!letter.is_whitespace()).then_some(Token::Mark(letter)));
                1
            }
        };
    }
    without_tests(tokens)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn line_comment(text: &[char]) -> usize {
    text.iter().position(|it| *it == '\n').unwrap_or(text.len())
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a string that begins here, with its quotes.
fn string(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of a character, or of the quote of a lifetime.
fn character(text: &[char]) -> usize {
    match text {
        ['\'', '\\', _, rest @ ..] => {
            3 + rest.iter().position(|it| *it == '\'').map_or(rest.len(), |end| end + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// The length of a raw string, if one begins here: `r"..."`, `br#"..."#`.
fn raw_string(text: &[char]) -> Option<usize> {
    let prefix = text.iter().take_while(|it| is_of_name(**it)).count();
    let is_raw = matches!(text[..prefix], ['r'] | ['b' | 'c', 'r']);
    let hashes = text[prefix..].iter().take_while(|it| **it == '#').count();
    let open = prefix + hashes;
    if !is_raw || text.get(open) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.resize(1 + hashes, '#');
    let body = &text[open + 1..];
    let length = body.windows(end.len()).position(|it| it == end).unwrap_or(body.len());
    Some(open + 1 + length + end.len())
}

/// Tests in a file of their own are kept: nobody uses them.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let attribute = ['#', '[', 'c', '(', 't', ')', ']'].map(|mark| match mark {
        'c' => Token::Name("cfg".into()),
        't' => Token::Name("test".into()),
        _ => Token::Mark(mark),
    });
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let module = at + attribute.len();
        let is_tests = tokens[at..].starts_with(&attribute)
            && tokens.get(module).is_some_and(|it| it.is_name("mod"))
            && tokens.get(module + 2) == Some(&Token::Mark('{'));
        if is_tests {
            at = module + 2;
            at += block(&tokens[at..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The length of a block that begins here, with its braces.
pub(crate) fn block(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}
