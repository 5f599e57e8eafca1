//! What a notification says, in a letter and as a webhook's document: as little as lets somebody decide whether to open the console. No addresses of
//! machines and nothing of persons: severity, the rule's title, whose it is, when, how often, and where to look.

use serde_json::{Value, json};
use vonggac_access::Tree;
use vonggac_database::AlertRow;
use vonggac_database::notice::About;
use vonggac_database::notice::delivery::{Matter, Taken};
use vonggac_event::Severity;

use crate::api::shapes;
use crate::{authority, time};

/// Version of the document of webhooks; a change that a receiver could stumble over counts it up.
const VERSION: u32 = 1;
/// Most organisations that are named where there is more than is told one by one.
const NAMED_MAX: usize = 20;
/// Vietnam's time, which has no summer time.
const VIETNAM: jiff::tz::Offset = jiff::tz::Offset::constant(7);

/// A letter's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// Finds the address of a page by its path, where the console's own is known.
type Link<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One of two texts.
#[derive(Clone, Copy)]
struct Tongue {
    is_vietnamese: bool,
}

impl Tongue {
    fn of(language: &str) -> Self {
        Self {
            is_vietnamese: language != "en",
        }
    }

    fn say(self, vietnamese: &'static str, english: &'static str) -> &'static str {
        if self.is_vietnamese { vietnamese } else { english }
    }

    fn severity(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Critical => self.say("Nghiêm trọng", "Critical"),
            Severity::High => self.say("Cao", "High"),
            Severity::Medium => self.say("Trung bình", "Medium"),
            Severity::Low => self.say("Thấp", "Low"),
            Severity::Informational | Severity::Unspecified => self.say("Thông tin", "Informational"),
        }
    }

    fn reason(self, about: About) -> &'static str {
        match about {
            About::Alert => self.say("Có cảnh báo mới.", "There is a new alert."),
            About::Assigned => self.say("Một cảnh báo được giao cho bạn.", "An alert was given to you."),
            About::Watched => self.say(
                "Có việc mới với thứ đang được theo dõi.",
                "Something happened to what is being watched.",
            ),
            About::Handover => self.say(
                "Có ca trực chờ bạn nhận bàn giao.",
                "A shift waits for you to take it over.",
            ),
        }
    }

    fn name(self, tree: &Tree, code: &str) -> String {
        let Ok(id) = code.parse() else {
            return code.to_owned();
        };
        let name = authority::name_of(tree, &id);
        if self.is_vietnamese { name.vi } else { name.en }
    }

    /// What an alert's rule is called; in English where it says nothing in Vietnamese.
    fn title(self, alert: &AlertRow) -> &str {
        let vietnamese = alert.rule_title_vi.as_deref().filter(|_| self.is_vietnamese);
        vietnamese.unwrap_or(&alert.rule_title)
    }

    /// To the minute, in Vietnam's time, which it says.
    fn time(self, us: i64) -> String {
        let at = jiff::Timestamp::from_microsecond(us).unwrap_or_default();
        let format = self.say("%H:%M ngày %d/%m/%Y (UTC+7)", "%Y-%m-%d %H:%M (UTC+7)");
        at.to_zoned(jiff::tz::TimeZone::fixed(VIETNAM))
            .strftime(format)
            .to_string()
    }
}

/// The letter of a message.
pub(super) fn of(taken: &Taken, tree: &Tree, link: Link<'_>) -> Words {
    let tongue = Tongue::of(&taken.language);
    let (subject, facts, path) = match &taken.matter {
        Matter::Alert(about, alert) => of_alert(tongue, *about, alert, tree),
        Matter::Handover(id, organisation) => {
            let name = tongue.name(tree, organisation);
            let facts = vec![
                tongue.reason(About::Handover).to_owned(),
                String::new(),
                fact(tongue.say("Cơ quan", "Organisation"), &name),
            ];
            let what = tongue.say("Bàn giao ca", "Hand-over");
            (
                format!("{what} – {name}"),
                facts,
                format!("/alerts/handover/{}", id.0),
            )
        }
        Matter::More(more) => of_more(tongue, more, tree),
    };
    let mut lines = facts;
    if let Some(url) = link(&path) {
        lines.extend([String::new(), fact(tongue.say("Xem", "Open"), &url)]);
    }
    Words {
        subject,
        text: signed(tongue, lines),
    }
}

fn of_alert(tongue: Tongue, about: About, alert: &AlertRow, tree: &Tree) -> (String, Vec<String>, String) {
    let (severity, name) = (tongue.severity(alert.severity), tongue.name(tree, &alert.tenant));
    let title = tongue.title(alert);
    let subject = format!("[{severity}] {title} – {name}");
    let facts = vec![
        tongue.reason(about).to_owned(),
        String::new(),
        fact(tongue.say("Mức độ", "Severity"), severity),
        fact(tongue.say("Quy tắc", "Rule"), title),
        fact(tongue.say("Cơ quan", "Organisation"), &name),
        fact(tongue.say("Lần cuối", "Last seen"), &tongue.time(alert.last_us)),
        fact(tongue.say("Số lần", "Count"), &alert.count.to_string()),
    ];
    (subject, facts, format!("/alerts/{}", alert.id))
}

fn of_more(
    tongue: Tongue,
    more: &std::collections::BTreeMap<String, i64>,
    tree: &Tree,
) -> (String, Vec<String>, String) {
    let all: i64 = more.values().sum();
    let subject = match tongue.is_vietnamese {
        true => format!("và {all} thông báo nữa"),
        false => format!("and {all} more"),
    };
    let mut facts = vec![
        tongue
            .say(
                "Có quá nhiều thông báo để gửi từng cái. Ngoài những thông báo đã gửi còn:",
                "There was too much to tell one by one. Besides what was sent there were:",
            )
            .to_owned(),
        String::new(),
    ];
    let named = more.iter().take(NAMED_MAX);
    facts.extend(named.map(|(code, count)| fact(&tongue.name(tree, code), &count.to_string())));
    if more.len() > NAMED_MAX {
        facts.push("…".to_owned());
    }
    (subject, facts, "/alerts".to_owned())
}

fn fact(name: &str, value: &str) -> String {
    // A title is a rule's author's: it stays on its line.
    format!("{name}: {}", vonggac_notify::plain(value, 500))
}

fn signed(tongue: Tongue, mut lines: Vec<String>) -> String {
    let why = tongue.say(
        "Bạn nhận thư này theo quy tắc thông báo của bạn trong Vọng Gác; có thể sửa hoặc tắt ở mục Thông báo.",
        "You get this by your own rules for notifications in Vọng Gác; change or switch them off there, under Notifications.",
    );
    let automatic = tongue.say(
        "Thư tự động, xin đừng trả lời.",
        "Sent automatically; please do not answer.",
    );
    lines.extend([
        String::new(),
        "-- ".to_owned(),
        why.to_owned(),
        automatic.to_owned(),
        String::new(),
    ]);
    lines.join("\n")
}

/// By what mail programs lay letters together: all of one alert.
pub(super) fn thread(matter: &Matter) -> Option<String> {
    match matter {
        Matter::Alert(_, alert) => Some(format!("alert-{}", alert.id)),
        Matter::Handover(id, _) => Some(format!("handover-{}", id.0)),
        Matter::More(_) => None,
    }
}

/// The document of a webhook (docs/notifications.md).
pub(super) fn document(taken: &Taken, link: Link<'_>) -> String {
    let (kind, data) = match &taken.matter {
        Matter::Alert(about, alert) => {
            let kind = match about {
                About::Assigned => "alert.assigned",
                About::Watched => "alert.watched",
                About::Alert | About::Handover => "alert.new",
            };
            let data = json!({
                "alert": alert.id.to_string(),
                "severity": shapes::Severity::from(alert.severity),
                "rule": alert.rule_title,
                "rule_vi": alert.rule_title_vi,
                "organisation": alert.tenant,
                "last_seen": time::to_text(alert.last_us),
                "count": alert.count,
                "times": taken.times,
                "url": link(&format!("/alerts/{}", alert.id)),
            });
            (kind, data)
        }
        Matter::Handover(id, organisation) => {
            let data = json!({
                "handover": id.0.to_string(),
                "organisation": organisation,
                "url": link(&format!("/alerts/handover/{}", id.0)),
            });
            ("handover.waiting", data)
        }
        Matter::More(more) => {
            let data = json!({ "more": more.values().sum::<i64>(), "by_organisation": more, "url": link("/alerts") });
            ("notices.more", data)
        }
    };
    wrapped(kind, taken.at_us, data)
}

fn wrapped(kind: &str, at_us: i64, data: Value) -> String {
    json!({ "type": kind, "version": VERSION, "timestamp": time::to_text(at_us), "data": data }).to_string()
}

/// The document that tries a webhook.
pub(crate) fn test_body(now_us: i64) -> String {
    wrapped("test", now_us, json!({}))
}

/// The letter that tries the way.
pub(crate) fn test_words(language: &str) -> Words {
    let tongue = Tongue::of(language);
    let text = tongue.say(
        "Đây là thư thử. Nếu bạn đọc được thư này thì thông báo của Vọng Gác đến được đây.",
        "This is a test. If you can read it, notifications of Vọng Gác arrive here.",
    );
    let subject = tongue.say("Thư thử của Vọng Gác", "A test of Vọng Gác");
    let automatic = tongue.say(
        "Thư tự động, xin đừng trả lời.",
        "Sent automatically; please do not answer.",
    );
    Words {
        subject: subject.to_owned(),
        text: format!("{text}\n\n-- \n{automatic}\n"),
    }
}

/// The letter that carries a code to an address that somebody says is his.
pub(crate) fn code_words(language: &str, code: &str, user_name: &str) -> Words {
    let tongue = Tongue::of(language);
    let automatic = tongue.say(
        "Thư tự động, xin đừng trả lời.",
        "Sent automatically; please do not answer.",
    );
    let text = match tongue.is_vietnamese {
        true => format!(
            "Mã xác nhận: {code}\n\nTài khoản {user_name} của Vọng Gác muốn nhận thông báo ở địa chỉ này. Mã có hiệu lực trong một giờ.\n\
             Nếu không phải bạn, hãy bỏ qua thư này: không có mã thì không có gì được gửi đến đây nữa."
        ),
        false => format!(
            "Code: {code}\n\nThe account {user_name} of Vọng Gác wants to be told here. The code is good for an hour.\n\
             If this is not you, ignore this letter: without the code nothing more is sent here."
        ),
    };
    Words {
        subject: tongue
            .say("Mã xác nhận của Vọng Gác", "Your code for Vọng Gác")
            .to_owned(),
        text: format!("{text}\n\n-- \n{automatic}\n"),
    }
}
