//! From YAML documents to rules and correlations.

use vonggac_event::limits::{RULE_DESCRIPTION_BYTES_MAX, RULE_TEXT_BYTES_MAX, RULE_TITLE_BYTES_MAX, cut};
use vonggac_event::{RuleCard, RuleKind, Severity};

use crate::condition::{self, Condition};
use crate::correlation::CorrelationDocument;
use crate::detection::{self, Search};
use crate::logsource::Logsource;
use crate::yaml::{self, Data, Node};
use crate::{FILE_BYTES_MAX, Fault, Place, RuleError};

/// A document of a rule file.
#[derive(Debug, Clone)]
pub struct Document(pub(crate) Content);

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Rule(RuleDocument),
    Correlation(CorrelationDocument),
}

impl Document {
    /// What the rule or correlation says of itself.
    pub fn rule(&self) -> &Rule {
        match &self.0 {
            Content::Rule(document) => &document.rule,
            Content::Correlation(document) => &document.rule,
        }
    }

    /// Whether this is a correlation.
    pub fn is_correlation(&self) -> bool {
        matches!(self.0, Content::Correlation(_))
    }
}

/// What a rule or a correlation says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `id`; where there is none, `name`, and where there is none, the title in lower case with dashes.
    pub id: String,
    /// `name`, by which correlations may refer to it.
    pub name: Option<String>,
    /// Title.
    pub title: String,
    /// `title_vi`: the title in Vietnamese; empty when it does not say.
    pub title_vi: String,
    /// Description.
    pub description: String,
    /// `description_vi`: the description in Vietnamese; empty when it does not say.
    pub description_vi: String,
    /// `stable`, `test`, `experimental` and so on; empty when it does not say.
    pub status: String,
    /// Level; medium where a rule has none, the highest of its rules where a correlation has none.
    pub level: Severity,
    /// Changes whenever the document's text does: date and a hash of the text.
    pub version: String,
    /// Tags as written.
    pub tags: Vec<String>,
    /// MITRE ATT&CK techniques: `T1110.001`.
    pub techniques: Vec<String>,
    /// MITRE ATT&CK tactics: `lateral-movement`.
    pub tactics: Vec<String>,
    /// References.
    pub references: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// The file it stands in.
    pub file: String,
    /// The line it starts at.
    pub line: u32,
    /// The YAML as written, cut to [`RULE_TEXT_BYTES_MAX`].
    pub text: String,
}

impl Rule {
    /// What an alert carries of it. Titles and descriptions are cut to [`RULE_TITLE_BYTES_MAX`] and [`RULE_DESCRIPTION_BYTES_MAX`].
    pub fn card(&self, kind: RuleKind) -> RuleCard {
        RuleCard {
            id: self.id.clone(),
            title: cut(self.title.clone(), RULE_TITLE_BYTES_MAX),
            version: self.version.clone(),
            kind: kind.into(),
            severity: self.level.into(),
            techniques: self.techniques.clone(),
            tactics: self.tactics.clone(),
            text: self.text.clone(),
            title_vi: self.title_vi.clone(),
            description: cut(self.description.clone(), RULE_DESCRIPTION_BYTES_MAX),
            description_vi: self.description_vi.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct RuleDocument {
    pub(crate) rule: Rule,
    pub(crate) logsource: Logsource,
    pub(crate) searches: Vec<(String, Search)>,
    /// Any of them suffices.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) place: Place,
}

/// Reads a rule file of one or more documents: those that could be read, and what is wrong with the others.
pub fn parse(file: &str, text: &str) -> (Vec<Document>, Vec<RuleError>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > FILE_BYTES_MAX {
        let fault = Fault::new(
            Place { line: 1, column: 1 },
            format!(
                "file of {} bytes is over the limit of {FILE_BYTES_MAX}",
                text.len()
            ),
        );
        return (Vec::new(), vec![fault.in_file(file)]);
    }
    let (yaml, fault) = yaml::load(text);
    let mut errors: Vec<RuleError> = fault.map(|fault| fault.in_file(file)).into_iter().collect();
    let mut documents = Vec::new();
    for document in yaml {
        if document.root.is_null() {
            continue;
        }
        let lines = document.last_line.saturating_sub(document.first_line) as usize + 1;
        let skipped = document.first_line.saturating_sub(1) as usize;
        let written: Vec<&str> = text.lines().skip(skipped).take(lines).collect();
        let source = Source {
            file,
            line: document.first_line,
            text: written.join("\n"),
        };
        match read(&document.root, source) {
            Ok(content) => documents.push(Document(content)),
            Err(fault) => errors.push(fault.in_file(file)),
        }
    }
    (documents, errors)
}

struct Source<'a> {
    file: &'a str,
    line: u32,
    text: String,
}

fn read(root: &Node, source: Source<'_>) -> Result<Content, Fault> {
    let fault = |message: &str| Err(Fault::new(root.place, message));
    if !matches!(root.data, Data::Mapping(_)) {
        return fault("a rule is a mapping");
    }
    if root.get("filter").is_some() {
        return fault("Sigma filters are not supported yet");
    }
    if let Some(action) = root.get("action") {
        return Err(Fault::new(
            action.place,
            "action documents are Sigma 1; write whole rules instead",
        ));
    }
    let rule = header(root, source)?;
    if let Some(node) = root.get("correlation") {
        return Ok(Content::Correlation(CorrelationDocument::read(root, node, rule)?));
    }
    let Some(logsource) = root.get("logsource") else {
        return fault("the rule has neither logsource nor correlation");
    };
    let Some(detection) = root.get("detection") else {
        return fault("the rule has no detection");
    };
    let (searches, conditions) = detection_section(detection)?;
    Ok(Content::Rule(RuleDocument {
        rule,
        logsource: read_logsource(logsource)?,
        searches,
        conditions,
        place: detection.place,
    }))
}

fn read_logsource(node: &Node) -> Result<Logsource, Fault> {
    let field = |name| node.get(name).and_then(Node::text).map(str::to_ascii_lowercase);
    let logsource = Logsource {
        category: field("category"),
        product: field("product"),
        service: field("service"),
    };
    if logsource.category.is_none() && logsource.product.is_none() && logsource.service.is_none() {
        return Err(Fault::new(
            node.place,
            "logsource has neither category nor product nor service",
        ));
    }
    Ok(logsource)
}

type Detection = (Vec<(String, Search)>, Vec<Condition>);

fn detection_section(node: &Node) -> Result<Detection, Fault> {
    let Data::Mapping(pairs) = &node.data else {
        return Err(Fault::new(node.place, "detection is a mapping"));
    };
    let mut searches = Vec::new();
    let mut conditions = Vec::new();
    for (key, value) in pairs {
        match key.text() {
            Some("condition") => conditions = read_conditions(value)?,
            Some("timeframe") => {
                return Err(Fault::new(
                    key.place,
                    "timeframe is Sigma 1; write a correlation instead",
                ));
            }
            Some(name) => searches.push((name.to_owned(), detection::search(value)?)),
            None => return Err(Fault::new(key.place, "a search identifier's name is a text")),
        }
    }
    if conditions.is_empty() {
        return Err(Fault::new(node.place, "detection has no condition"));
    }
    if searches.is_empty() {
        return Err(Fault::new(node.place, "detection has no search identifier"));
    }
    Ok((searches, conditions))
}

fn read_conditions(node: &Node) -> Result<Vec<Condition>, Fault> {
    let nodes = match &node.data {
        Data::Sequence(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    nodes
        .iter()
        .map(|node| match &node.data {
            Data::Scalar(scalar) => condition::parse(scalar, node.place),
            _ => Err(Fault::new(node.place, "a condition is a text or a list of texts")),
        })
        .collect()
}

fn header(root: &Node, source: Source<'_>) -> Result<Rule, Fault> {
    let text = |name: &str| {
        root.get(name)
            .and_then(Node::text)
            .map(|text| text.trim().to_owned())
    };
    let Some(title) = text("title").filter(|title| !title.is_empty()) else {
        return Err(Fault::new(root.place, "the rule has no title"));
    };
    let level = match root.get("level") {
        Some(node) => {
            let name = node.text().unwrap_or_default().to_ascii_lowercase();
            Severity::from_name(&name).ok_or_else(|| {
                Fault::new(
                    node.place,
                    format!("level {name} is none of informational, low, medium, high, critical"),
                )
            })?
        }
        None => Severity::Unspecified,
    };
    let tags = list(root, "tags");
    let (techniques, tactics) = attack(&tags);
    let name = text("name").filter(|name| !name.is_empty());
    let id = text("id").filter(|id| !id.is_empty());
    let date = text("modified").or_else(|| text("date")).unwrap_or_default();
    Ok(Rule {
        id: id.or_else(|| name.clone()).unwrap_or_else(|| slug(&title)),
        name,
        description: text("description").unwrap_or_default(),
        title_vi: vietnamese(root, "title_vi", RULE_TITLE_BYTES_MAX)?,
        description_vi: vietnamese(root, "description_vi", RULE_DESCRIPTION_BYTES_MAX)?,
        status: text("status").unwrap_or_default(),
        level,
        version: format!("{}-{:016x}", date.replace('/', "-"), hash(source.text.as_bytes()))
            .trim_start_matches('-')
            .to_owned(),
        techniques,
        tactics,
        tags,
        references: list(root, "references"),
        false_positives: list(root, "falsepositives"),
        file: source.file.to_owned(),
        line: source.line,
        text: cut(source.text, RULE_TEXT_BYTES_MAX),
        title,
    })
}

/// A text beside Sigma's own keys, which other tools pass over; empty where the rule has none.
fn vietnamese(root: &Node, name: &str, bytes_max: usize) -> Result<String, Fault> {
    let Some(node) = root.get(name) else {
        return Ok(String::new());
    };
    let text = node.text().map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Fault::new(node.place, format!("{name} is a text that says something")))?;
    if text.len() > bytes_max {
        return Err(Fault::new(
            node.place,
            format!("{name} is longer than {bytes_max} bytes"),
        ));
    }
    Ok(text.to_owned())
}

fn slug(title: &str) -> String {
    let words = title
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// FNV-1a, 64 bit: tells versions of a text apart, no more.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn list(root: &Node, name: &str) -> Vec<String> {
    let Some(node) = root.get(name) else {
        return Vec::new();
    };
    let nodes = match &node.data {
        Data::Sequence(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    nodes
        .iter()
        .filter_map(|node| Some(node.text()?.to_owned()))
        .collect()
}

/// Techniques and tactics of `attack.` tags; groups and software are neither.
fn attack(tags: &[String]) -> (Vec<String>, Vec<String>) {
    let mut techniques = Vec::new();
    let mut tactics = Vec::new();
    for tag in tags {
        let lower = tag.to_ascii_lowercase();
        let Some(name) = lower.strip_prefix("attack.") else {
            continue;
        };
        let mut letters = name.chars();
        let kind = letters.next();
        let numbered = letters.next().is_some_and(|second| second.is_ascii_digit());
        match (kind, numbered) {
            (Some('t'), true) => techniques.push(name.to_ascii_uppercase()),
            (_, true) | (None, _) => {}
            (Some(_), false) => tactics.push(name.replace('_', "-")),
        }
    }
    (techniques, tactics)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attack_tags_come_apart() {
        let tags = [
            "attack.t1110.001",
            "attack.Lateral_Movement",
            "attack.g0032",
            "attack.s0154",
            "cve.2021-44228",
            "attack.",
        ];
        let (techniques, tactics) = attack(&tags.map(str::to_owned));
        assert_eq!(techniques, ["T1110.001"]);
        assert_eq!(tactics, ["lateral-movement"]);
    }

    #[test]
    fn what_it_says_in_vietnamese_reaches_the_alert() {
        let rest = "logsource: {category: dns}\ndetection:\n  a: {query: x}\n  condition: a\n";
        let text = format!(
            "title: Names\ntitle_vi: Tên miền lạ\ndescription: Odd.\ndescription_vi: |\n  Tên miền\n  bất thường.\n{rest}"
        );
        let (documents, errors) = parse("f.yml", &text);
        assert_eq!(errors, []);
        let card = documents.first().unwrap().rule().card(RuleKind::Sigma);
        assert_eq!(
            (
                card.title.as_str(),
                card.title_vi.as_str(),
                card.description.as_str()
            ),
            ("Names", "Tên miền lạ", "Odd.")
        );
        assert_eq!(card.description_vi, "Tên miền\nbất thường.");

        let (documents, errors) = parse("f.yml", &format!("title: Names\n{rest}"));
        assert_eq!(errors, []);
        let card = documents.first().unwrap().rule().card(RuleKind::Sigma);
        assert_eq!((card.title_vi, card.description_vi), Default::default());
    }

    #[test]
    fn what_is_no_text_in_vietnamese_is_refused_where_it_stands() {
        let check = |line: &str, expect: &str| {
            let text = format!(
                "title: Names\n{line}\nlogsource: {{category: dns}}\ndetection:\n  a: {{query: x}}\n  condition: a\n"
            );
            let (documents, errors) = parse("f.yml", &text);
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!((documents.len(), errors), (0, vec![expect.to_owned()]), "{line}");
        };
        check(
            "title_vi: [a]",
            "f.yml:2:11: title_vi is a text that says something",
        );
        check(
            "description_vi: ' '",
            "f.yml:2:17: description_vi is a text that says something",
        );
        check(
            &format!("title_vi: {}", "ă".repeat(600)),
            "f.yml:2:11: title_vi is longer than 1024 bytes",
        );
    }

    #[test]
    fn a_broken_document_leaves_the_others() {
        let good = |title: &str| {
            format!(
                "title: {title}\nlogsource: {{category: dns}}\ndetection:\n  a: {{query: x}}\n  condition: a\n"
            )
        };
        let text = format!("{}---\ntitle: bad\n---\n{}", good("One"), good("Two Words"));
        let (documents, errors) = parse("f.yml", &text);
        assert_eq!(documents.len(), 2);
        assert_eq!(documents.last().unwrap().rule().id, "two-words");
        assert_eq!(documents.last().unwrap().rule().line, 9);
        assert_eq!(
            format!("{}\n", documents.first().unwrap().rule().text),
            good("One")
        );
        assert_eq!(
            format!("{}\n", documents.last().unwrap().rule().text),
            good("Two Words")
        );
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            ["f.yml:7:1: the rule has neither logsource nor correlation"]
        );
    }
}
