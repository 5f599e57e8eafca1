//! Accounts and how they sign in, roles, services, and organisations.

use super::Text;

/// Accounts, their links and their roles.
pub(super) const ACCOUNTS: &[Text] = &[
    (
        "the first administrator exists already",
        "đã có quản trị viên đầu tiên",
    ),
    ("the user name is taken", "tên đăng nhập đã có người dùng"),
    (
        "may have letters, digits and . _ - @ only",
        "chỉ được có chữ cái, chữ số và . _ - @",
    ),
    (
        "nobody disables his own account",
        "không ai tự vô hiệu hóa tài khoản của mình",
    ),
    ("the account is disabled already", "tài khoản đã bị vô hiệu hóa"),
    ("the account is disabled", "tài khoản đã bị vô hiệu hóa"),
    ("the account is not disabled", "tài khoản không bị vô hiệu hóa"),
    (
        "nobody else runs the nation's organisation",
        "không còn ai khác quản lý cơ quan cấp quốc gia",
    ),
    (
        "this takes another person than who made the link and whom it is for",
        "việc này phải do người khác thực hiện, không phải người tạo liên kết hay người nhận liên kết",
    ),
    (
        "the account was given another role meanwhile",
        "trong lúc đó tài khoản đã được trao vai trò khác",
    ),
    (
        "who asks is disabled",
        "tài khoản của người yêu cầu đã bị vô hiệu hóa",
    ),
    ("is not the second person's", "không phải mã của người thứ hai"),
    (
        "this takes another person than who gave the role and who gets it",
        "việc này phải do người khác thực hiện, không phải người trao hay người nhận vai trò",
    ),
    (
        "one of the two let this account in alone, and may be whoever uses it; let it in anew by a link that takes two",
        "một trong hai người đã một mình cho tài khoản này vào và có thể chính là người dùng nó; hãy cho vào lại bằng một liên kết cần hai người",
    ),
    (
        "decides, and is for people alone",
        "ra quyết định nên chỉ dành cho người",
    ),
    (
        "the account has had too many memberships",
        "tài khoản đã có quá nhiều lần được trao vai trò",
    ),
    (
        "the person has a role that excludes this one",
        "người này có một vai trò không đi cùng vai trò này",
    ),
    (
        "the person has this role there already",
        "người này đã có vai trò này tại đó",
    ),
    (
        "sign in with a passkey first: who asks others for one shows that it works here",
        "hãy đăng nhập bằng khóa truy cập trước: ai yêu cầu người khác dùng thì phải cho thấy nó dùng được ở đây",
    ),
];

/// Passwords, codes and passkeys.
pub(super) const FACTORS: &[Text] = &[
    (
        "the session is locked; unlock it first",
        "phiên đang bị khóa; hãy mở khóa trước",
    ),
    ("is 5, 10, 15 or 30 minutes", "phải là 5, 10, 15 hoặc 30 phút"),
    (
        "is more than the rules for signing in allow here",
        "vượt quá mức mà quy tắc đăng nhập cho phép ở đây",
    ),
    ("a code or a password is needed", "cần mã xác thực hoặc mật khẩu"),
    (
        "is needed: the account has a second factor",
        "là bắt buộc: tài khoản có xác thực hai bước",
    ),
    (
        "the account has a second factor",
        "tài khoản có xác thực hai bước",
    ),
    (
        "the account has an app already; remove it first",
        "tài khoản đã có ứng dụng xác thực; hãy gỡ ứng dụng đó trước",
    ),
    (
        "the passkey is known already, or the account has too many",
        "khóa truy cập này đã có, hoặc tài khoản có quá nhiều khóa",
    ),
    (
        "must have at least {least} characters",
        "cần ít nhất {least} ký tự",
    ),
    (
        "must not be a name of the account",
        "không được là tên của tài khoản",
    ),
    ("must not be the old one", "mới phải khác mật khẩu cũ"),
    (
        "is too easy to guess: add another word or two",
        "dễ đoán: hãy thêm một hai từ nữa",
    ),
    (
        "is too easy to guess: it follows the keyboard",
        "dễ đoán: các phím nằm liền nhau trên bàn phím",
    ),
    (
        "is too easy to guess: it repeats itself",
        "dễ đoán: có phần lặp lại",
    ),
    (
        "is one of the most used passwords",
        "là một trong những mật khẩu phổ biến nhất",
    ),
    (
        "is too close to one of the most used passwords",
        "rất giống một trong những mật khẩu phổ biến nhất",
    ),
    (
        "is too easy to guess: it has a sequence such as abc or 123",
        "dễ đoán: có dãy như abc hoặc 123",
    ),
    (
        "is too easy to guess: it has a date or a year",
        "dễ đoán: có ngày hoặc năm",
    ),
    (
        "is too easy to guess: it is made of names",
        "dễ đoán: gồm toàn tên người",
    ),
    ("passkey: {message}", "khóa truy cập: {message}"),
    (
        "the browser's data cannot be read",
        "không đọc được dữ liệu của trình duyệt",
    ),
    (
        "the answer is to another question",
        "câu trả lời thuộc về một yêu cầu khác",
    ),
    (
        "the answer comes from another site",
        "câu trả lời đến từ một trang khác",
    ),
    (
        "the authenticator's data cannot be read: {message}",
        "không đọc được dữ liệu của thiết bị xác thực: {message}",
    ),
    (
        "the authenticator has not seen who holds it",
        "thiết bị xác thực chưa xác minh người đang giữ nó",
    ),
    (
        "the key is of a kind that is not supported",
        "loại khóa này không được hỗ trợ",
    ),
    ("the signature is wrong", "chữ ký không đúng"),
    ("no CBOR", "không phải CBOR"),
    ("something after the object", "có dữ liệu thừa sau đối tượng"),
    ("no authData", "thiếu authData"),
    ("no credential", "thiếu chứng thực"),
    ("it ends early", "dữ liệu kết thúc quá sớm"),
    ("an id of that length", "độ dài của mã không hợp lệ"),
    ("the key is no CBOR", "khóa không phải CBOR"),
    ("extensions are no CBOR", "phần mở rộng không phải CBOR"),
    ("something after its end", "có dữ liệu thừa ở cuối"),
];

/// Accounts of programs, and their tokens.
pub(super) const SERVICES: &[Text] = &[
    (
        "must be 1 or more, and not more than the console allows",
        "phải từ 1 trở lên và không vượt quá mức hệ thống cho phép",
    ),
    ("the service has ended", "tài khoản dịch vụ đã chấm dứt"),
    ("the service has ended already", "tài khoản dịch vụ đã chấm dứt"),
    ("the token is revoked already", "mã truy cập đã bị thu hồi"),
    (
        "the service has too many tokens",
        "tài khoản dịch vụ có quá nhiều mã truy cập",
    ),
    (
        "{word} is nothing that a service may do",
        "{word} không phải việc mà dịch vụ được làm",
    ),
];

/// Organisations.
pub(super) const ORGANISATIONS: &[Text] = &[
    (
        "the organisations have been changed since",
        "danh sách cơ quan đã thay đổi kể từ đó",
    ),
    ("the code is taken", "mã đã được dùng"),
    ("the organisation has ended", "cơ quan đã kết thúc"),
    ("the organisation has begun", "cơ quan đã bắt đầu hoạt động"),
    (
        "it is to go on as another already; take that back first",
        "cơ quan này đã được định chuyển thành cơ quan khác; hãy bỏ việc đó trước",
    ),
    ("no end of it is planned", "cơ quan này chưa có ngày kết thúc"),
    (
        "a role of one's own would reach further; somebody else must do it",
        "vai trò của chính bạn sẽ vươn rộng hơn; việc này phải do người khác làm",
    ),
    (
        "roles that take two people would reach further: end them by that day, and give them anew at the successor",
        "các vai trò cần hai người sẽ vươn rộng hơn: hãy kết thúc chúng trước ngày đó rồi trao lại tại cơ quan kế tục",
    ),
    ("is one of those that end", "là một trong những cơ quan kết thúc"),
    ("either into or new is wanted", "cần một trong hai: into hoặc new"),
    (
        "code does not begin with the code of an organisation of yours and a hyphen",
        "mã phải bắt đầu bằng mã một cơ quan của bạn và dấu gạch nối",
    ),
    (
        "is not a code: 2 to {most} lower-case ASCII letters, digits and single hyphens between them, a letter first",
        "không hợp lệ: từ 2 đến {most} chữ thường không dấu, chữ số và dấu gạch nối đơn ở giữa, bắt đầu bằng chữ cái",
    ),
    (
        "is none of nation, ministry, ministerial-agency, government-agency, province, national-centre, specialised-force, operator, unit",
        "không thuộc nation, ministry, ministerial-agency, government-agency, province, national-centre, specialised-force, operator, unit",
    ),
    ("{code}: `{field}` {message}", "{code}: {field} {message}"),
    ("`{field}` {message}", "{field} {message}"),
    (
        "is not for a nation, the root",
        "không dùng cho quốc gia, gốc của mọi cơ quan",
    ),
    (
        "names `{code}`, which does not exist",
        "là `{code}`, cơ quan này không tồn tại",
    ),
    (
        "is missing; only the nation has none",
        "bị thiếu; chỉ quốc gia mới không có",
    ),
    (
        "is nation, which `{code}` is already",
        "là quốc gia, mà `{code}` đã là quốc gia",
    ),
    (
        "is nation nowhere: there must be one for the root",
        "không ở đâu là quốc gia: phải có một cơ quan làm gốc",
    ),
    (
        "names `{code}`, which went to `{other}` already",
        "có `{code}`, cơ quan này đã chuyển sang `{other}`",
    ),
    (
        "names `{code}`, which has not ended",
        "có `{code}`, cơ quan này chưa kết thúc",
    ),
    (
        "names `{code}`, which ends on {day}, when this does not exist",
        "có `{code}`, kết thúc ngày {day}, khi cơ quan này không tồn tại",
    ),
    (
        "is more than {most} steps below the nation",
        "nằm quá {most} bậc dưới quốc gia",
    ),
    (
        "leads back to it: by parents and successors it would be above itself",
        "dẫn vòng trở lại: theo cấp trên và kế tục, cơ quan sẽ ở trên chính nó",
    ),
    (
        "names `{code}`, which begins later than this",
        "là `{code}`, bắt đầu muộn hơn cơ quan này",
    ),
    (
        "names `{code}`, which ends on {day} without a successor, while this goes on",
        "là `{code}`, kết thúc ngày {day} mà không có cơ quan kế tục, trong khi cơ quan này vẫn còn",
    ),
    (
        "is one more than the {most} there may be",
        "vượt quá {most} cơ quan được phép có",
    ),
    ("is there already", "đã có"),
    (
        "is not sorted, or names one twice",
        "chưa xếp thứ tự, hoặc có một cơ quan hai lần",
    ),
];
