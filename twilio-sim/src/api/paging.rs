//! Pages of a list, and the links from one to the next.
//!
//! Easy to get wrong: lists are newest first and grow at the front, so a page is found by the record
//! that ended the one before it (`PageToken`), not by counting.

use serde_json::{Value, json};

use super::Form;

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;

/// Which page is wanted.
#[derive(Debug)]
pub(super) struct Page<'a> {
    path: &'a str,
    query: &'a Form,
    number: usize,
    size: usize,
}

impl<'a> Page<'a> {
    pub(super) fn parse(path: &'a str, query: &'a Form) -> Self {
        let number = |name: &str| query.find(name).and_then(|value| value.parse::<usize>().ok());
        let size = number("PageSize").unwrap_or(DEFAULT_SIZE).clamp(1, MAX_SIZE);
        Self { path, query, number: number("Page").unwrap_or(0), size }
    }

    /// Cuts the page out of all items and wraps it under `key`.
    pub(super) fn answer<'b, T: 'b>(
        &self,
        key: &str,
        items: impl Iterator<Item = &'b T>,
        sid_of: impl Fn(&T) -> &str,
        render: impl Fn(&T) -> Value,
    ) -> Value {
        let token = self.query.find("PageToken");
        let mut cut: Vec<&T> = match token.and_then(|token| token.split_at_checked(2)) {
            Some(("PA", last)) => {
                items.skip_while(|item| sid_of(item) != last).skip(1).take(self.size + 1).collect()
            }
            Some(("PB", first)) => {
                let before: Vec<_> = items.take_while(|item| sid_of(item) != first).collect();
                before[before.len().saturating_sub(self.size)..].to_vec()
            }
            _ => items.skip(self.number.saturating_mul(self.size)).take(self.size + 1).collect(),
        };
        let more = cut.len() > self.size || token.is_some_and(|token| token.starts_with("PB"));
        cut.truncate(self.size);
        let start = self.number * self.size;
        let next =
            cut.last().filter(|_| more).map(|last| self.link(self.number + 1, Some(("PA", sid_of(last)))));
        let previous = (self.number > 0)
            .then(|| self.link(self.number - 1, cut.first().map(|first| ("PB", sid_of(first)))));
        json!({
            "page": self.number,
            "page_size": self.size,
            "start": start,
            "end": (start + cut.len()).saturating_sub(1).max(start),
            "uri": self.link(self.number, token.and_then(|token| token.split_at_checked(2))),
            "first_page_uri": self.link(0, None),
            "next_page_uri": next,
            "previous_page_uri": previous,
            key: cut.into_iter().map(render).collect::<Vec<_>>(),
        })
    }

    fn link(&self, number: usize, token: Option<(&str, &str)>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.query.0 {
            if !matches!(name.as_str(), "Page" | "PageSize" | "PageToken") {
                query.append_pair(name, value);
            }
        }
        query.append_pair("PageSize", &self.size.to_string());
        query.append_pair("Page", &number.to_string());
        if let Some((kind, sid)) = token {
            query.append_pair("PageToken", &format!("{kind}{sid}"));
        }
        format!("{}?{}", self.path, query.finish())
    }
}

/// A filter on a date: `Name`, `Name<` and `Name>`, of a day or a moment.
#[derive(Debug, Default)]
pub(super) struct DateFilter {
    day: Option<i64>,
    until: Option<i64>,
    since: Option<i64>,
}

impl DateFilter {
    pub(super) fn parse(query: &Form, name: &str) -> Self {
        let date = |suffix: &str| query.find(&format!("{name}{suffix}")).and_then(crate::clock::parse_date);
        Self { day: date(""), until: date("<"), since: date(">") }
    }

    /// A record without the date passes only when nothing is asked of it.
    pub(super) fn admits(&self, at: Option<i64>) -> bool {
        const DAY: i64 = 86_400_000;
        let Some(at) = at else {
            return self.day.is_none() && self.until.is_none() && self.since.is_none();
        };
        // Dates in answers are whole seconds; a record's own date must pass as a bound.
        let second = at - at.rem_euclid(1000);
        self.day.is_none_or(|day| day.div_euclid(DAY) == at.div_euclid(DAY))
            && self.until.is_none_or(|until| second <= until)
            && self.since.is_none_or(|since| at >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Value {
        let query = Form::parse(query.as_bytes());
        let items = ["e", "d", "c", "b", "a"].map(str::to_owned);
        Page::parse("/x", &query).answer("items", items.iter(), String::as_str, |item| json!(item))
    }

    #[test]
    fn pages_follow_each_other() {
        let first = page("To=%2B1&PageSize=2");
        assert_eq!(first["items"], json!(["e", "d"]));
        assert_eq!(first["previous_page_uri"], Value::Null);
        assert_eq!(first["next_page_uri"], json!("/x?To=%2B1&PageSize=2&Page=1&PageToken=PAd"));
        let second = page("PageSize=2&Page=1&PageToken=PAd");
        assert_eq!(
            (&second["items"], &second["start"], &second["end"]),
            (&json!(["c", "b"]), &json!(2), &json!(3))
        );
        let back = page("PageSize=2&Page=0&PageToken=PBc");
        assert_eq!(back["items"], json!(["e", "d"]));
        let last = page("PageSize=2&Page=2&PageToken=PAb");
        assert_eq!((&last["items"], &last["next_page_uri"]), (&json!(["a"]), &Value::Null));
    }

    #[test]
    fn date_filters_take_days_and_moments() {
        let query = Form::parse(b"S%3E=2019-05-24&S%3C=2019-05-24T17:18:27Z");
        let filter = DateFilter::parse(&query, "S");
        assert!(filter.admits(Some(1_558_718_307_999)));
        assert!(!filter.admits(Some(1_558_718_308_000)));
        assert!(!filter.admits(Some(1_558_655_999_000)) && !filter.admits(None));
        assert!(DateFilter::default().admits(None));
    }
}
