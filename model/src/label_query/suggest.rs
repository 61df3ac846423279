//! The nearest known name to a mistyped one.
//!
//! Easily got wrong: case is free here, since wrong case is the commonest slip, though labels are case-sensitive.

/// The nearest of `known`, at most a third of its letters away (and at most 4).
pub(super) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    if name.len() > 100 {
        return None;
    }
    let wanted: Vec<char> = name.to_uppercase().chars().collect();
    known
        .iter()
        .map(|label| {
            let chars: Vec<char> = label.to_uppercase().chars().collect();
            (distance(&wanted, &chars), chars.len(), label.as_str())
        })
        .filter(|(distance, length, _)| *distance <= (length / 3).clamp(1, 4))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., label)| label)
}

/// Insertions, deletions, changes and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_strangers_are_not() {
        let known: Vec<String> = ["EM_READY", "PE_READY", "INJ", "ADVNO"].map(str::to_owned).to_vec();
        assert_eq!(nearest("em_ready", &known), Some("EM_READY"));
        assert_eq!(nearest("EM_REDAY", &known), Some("EM_READY"));
        assert_eq!(nearest("EMREADY", &known), Some("EM_READY"));
        assert_eq!(nearest("INK", &known), Some("INJ"));
        assert_eq!(nearest("SOMETHING_ELSE", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
