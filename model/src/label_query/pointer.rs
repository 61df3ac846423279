//! A fault shown where it is: the text, and a line of `^` under it.
//!
//! Easily got wrong: the two lines must stay under each other, so what has no width, two widths or a direction of its
//! own is shown as a dot, and a long text is cut round the fault.

/// Fits a narrow screen.
const WIDTH: usize = 30;

pub(super) fn under(text: &str, at: usize, length: usize) -> [String; 2] {
    let shown: Vec<char> =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '\u{b7}' }).collect();
    let at = at.min(shown.len());
    let from = (at + 1).saturating_sub(WIDTH * 2 / 3).min(shown.len().saturating_sub(WIDTH));
    let to = (from + WIDTH).min(shown.len());
    let dots = |cut: bool| if cut { "\u{2026}" } else { "" };
    let part: String = shown.get(from..to).unwrap_or_default().iter().collect();
    let before = at - from + usize::from(from > 0);
    let marks = length.clamp(1, (to + 1).saturating_sub(at).max(1));
    [
        format!("{}{part}{}", dots(from > 0), dots(to < shown.len())),
        format!("{}{}", " ".repeat(before), "^".repeat(marks.min(WIDTH))),
    ]
}

#[cfg(test)]
mod tests {
    use super::under;

    #[test]
    fn the_marks_stand_under_the_fault() {
        assert_eq!(under("EM_READY DQV", 9, 3), ["EM_READY DQV", "         ^^^"]);
        assert_eq!(under("EM_READY &", 10, 1), ["EM_READY &", "          ^"]);
        assert_eq!(under("", 0, 1), ["", "^"]);
        assert_eq!(under("a\u{202e}\u{1f600}b", 1, 1), ["a\u{b7}\u{b7}b", " ^"]);
    }

    #[test]
    fn a_long_text_is_cut_round_the_fault() {
        let text = "A & ".repeat(30) + "B C & D";
        let at = 122;
        let [shown, marks] = under(&text, at, 1);
        assert!(shown.chars().count() <= 32 && shown.starts_with('\u{2026}'), "{shown}");
        let place = marks.chars().count() - 1;
        assert_eq!(shown.chars().nth(place), Some('C'));
        let [shown, marks] = under(&text, 2, 1);
        assert!(shown.ends_with('\u{2026}') && marks == "  ^", "{shown}");
    }
}
