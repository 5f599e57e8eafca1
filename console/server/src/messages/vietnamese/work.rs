//! What people do with alerts, and what they keep: handovers, exceptions, exercises, searches, exports, notices, sensors.

use super::Text;

/// Alerts.
pub(super) const ALERTS: &[Text] = &[
    ("the alert is not set aside", "cảnh báo không được tạm gác"),
    (
        "the alert would have more than {most} tags",
        "cảnh báo sẽ có quá {most} nhãn",
    ),
    ("the alert is open", "cảnh báo đang mở"),
    ("the alert is closed", "cảnh báo đã đóng"),
    ("somebody else has the alert", "người khác đang xử lý cảnh báo"),
    (
        "the person may not see the alert",
        "người này không được xem cảnh báo",
    ),
    (
        "the alert has changed meanwhile",
        "trong lúc đó cảnh báo đã thay đổi",
    ),
    ("it was undone already", "việc này đã được hoàn tác"),
    (
        "must not have commas or control characters",
        "không được có dấu phẩy hoặc ký tự điều khiển",
    ),
    (
        "is not one of the verdict's",
        "không thuộc các lý do của kết luận này",
    ),
    (
        "is nobody who may work on the alerts",
        "không phải người được xử lý các cảnh báo này",
    ),
    (
        "matches more than {most} alerts; narrow it",
        "khớp hơn {most} cảnh báo; hãy thu hẹp lại",
    ),
    ("closing needs a verdict", "đóng cảnh báo cần có kết luận"),
    ("a filter needs seen_at", "bộ lọc cần có seen_at"),
    (
        "either ids or filter is needed",
        "cần một trong hai: ids hoặc filter",
    ),
    ("is the id of one", "phải là mã của một ngoại lệ"),
    (
        "there are {most} views already; remove one",
        "đã có {most} khung nhìn; hãy xóa bớt",
    ),
    (
        "is a kind and an id, with a colon between",
        "gồm loại và mã, cách nhau bằng dấu hai chấm",
    ),
    (
        "no checkpoint covers the entry",
        "chưa có điểm kiểm tra nào bao gồm mục này",
    ),
];

/// Handovers and the watch list.
pub(super) const SHIFTS: &[Text] = &[
    (
        "must be later than what is before it, by seven days at most",
        "phải sau mốc đứng trước, nhiều nhất bảy ngày",
    ),
    (
        "the organisation has a draft already",
        "cơ quan đã có một bản nháp",
    ),
    (
        "it does not wait for anybody",
        "bản bàn giao này không chờ ai nhận",
    ),
    (
        "this takes another person than who handed over",
        "việc này phải do người khác thực hiện, không phải người giao ca",
    ),
    ("it has been handed over", "ca đã được bàn giao"),
    (
        "somebody else has changed the draft",
        "người khác đã sửa bản nháp",
    ),
    (
        "the watch list is full; take something off it",
        "danh sách theo dõi đã đầy; hãy bỏ bớt",
    ),
    (
        "it is on the watch list already",
        "đã có trong danh sách theo dõi",
    ),
    (
        "is no kind of thing that has a page",
        "không phải loại đối tượng có trang riêng",
    ),
    (
        "either alert, or organisation, kind and value",
        "cần alert, hoặc organisation, kind và value",
    ),
];

/// Exceptions.
pub(super) const EXCEPTIONS: &[Text] = &[
    (
        "is to come, and at most a year away",
        "phải ở tương lai, nhiều nhất một năm nữa",
    ),
    ("is later than it is now", "phải muộn hơn hạn hiện tại"),
    ("is one below critical", "phải thấp hơn mức nghiêm trọng"),
    ("is needed to lower", "là bắt buộc khi hạ mức"),
    (
        "is none of a benign or a false positive",
        "không phải lý do của cảnh báo vô hại hoặc cảnh báo sai",
    ),
    ("the exception is not in force", "ngoại lệ không có hiệu lực"),
    ("nothing waits here", "không có gì đang chờ duyệt"),
    ("the exception is over", "ngoại lệ đã kết thúc"),
    (
        "is not the alert's, nor one above it with all beneath",
        "không phải cơ quan của cảnh báo, cũng không phải cấp trên cùng mọi đơn vị bên dưới",
    ),
    (
        "are not met by the alert itself",
        "không đúng với chính cảnh báo này",
    ),
    (
        "there are {most} exceptions already; end some",
        "đã có {most} ngoại lệ; hãy kết thúc bớt",
    ),
    (
        "there are {most} exceptions for this rule already; end some, or have the rule changed",
        "luật này đã có {most} ngoại lệ; hãy kết thúc bớt hoặc đề nghị sửa luật",
    ),
    (
        "have no network such as {one} or {other}",
        "không có mạng hợp lệ như {one} hoặc {other}",
    ),
    (
        "have no domain such as {example}",
        "không có tên miền hợp lệ như {example}",
    ),
    (
        "have values of {least} to {most} characters",
        "phải có giá trị từ {least} đến {most} ký tự",
    ),
    (
        "have a network wider than /8 (IPv6: /16); leave it out instead",
        "có mạng rộng hơn /8 (IPv6: /16); hãy bỏ điều kiện đó",
    ),
    ("lack the name of a field", "thiếu tên trường"),
    (
        "have no port from {least} to {most}",
        "không có cổng từ {least} đến {most}",
    ),
    (
        "are on src, dst, address, sensor, port, field or domain",
        "chỉ được về src, dst, address, sensor, port, field hoặc domain",
    ),
];

/// Exercises.
pub(super) const EXERCISES: &[Text] = &[
    ("the exercise has ended", "cuộc diễn tập đã kết thúc"),
    ("too many organisations take part", "có quá nhiều đơn vị tham gia"),
    ("the organisation takes part already", "đơn vị đã tham gia"),
    ("the organisation does not take part", "đơn vị không tham gia"),
    ("the exercise was started already", "cuộc diễn tập đã bắt đầu"),
    (
        "the organisation has too many exercises that have not ended",
        "cơ quan có quá nhiều cuộc diễn tập chưa kết thúc",
    ),
];

/// Sensors.
pub(super) const SENSORS: &[Text] = &[
    (
        "no sensor can be enrolled: the console was started without --sensor-key",
        "không ghi danh được cảm biến: hệ thống khởi động mà không có --sensor-key",
    ),
    ("the sensor is revoked", "cảm biến đã bị thu hồi"),
    (
        "the organisation has too many sensors",
        "cơ quan có quá nhiều cảm biến",
    ),
    (
        "the organisation has a sensor of that name already",
        "cơ quan đã có cảm biến mang tên này",
    ),
    (
        "takes letters without marks, digits, and . - _ after the first",
        "chỉ nhận chữ cái không dấu, chữ số và, sau ký tự đầu, . - _",
    ),
];

/// Notices: rules and ways.
pub(super) const NOTICES: &[Text] = &[
    (
        "are up to ten of your own, each once",
        "gồm nhiều nhất mười nơi nhận của chính bạn, mỗi nơi một lần",
    ),
    (
        "are those of at most {most} notices",
        "gồm mã của nhiều nhất {most} thông báo",
    ),
    (
        "there are {most} rules already; remove one",
        "đã có {most} quy tắc; hãy bỏ bớt",
    ),
    (
        "there are {most} ways already; remove one",
        "đã có {most} nơi nhận; hãy bỏ bớt",
    ),
    (
        "this address is one of yours already",
        "địa chỉ này đã là của bạn",
    ),
    ("it is confirmed already", "nơi nhận đã được xác nhận"),
    ("it is not confirmed", "nơi nhận chưa được xác nhận"),
    ("it is not paused", "nơi nhận không bị tạm dừng"),
    (
        "there is a webhook of that address already",
        "đã có webhook với địa chỉ này",
    ),
    (
        "webhooks are not sent by this console",
        "hệ thống này không gửi webhook",
    ),
];
