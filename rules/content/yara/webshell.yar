/*
 * Vọng Gác: web shells in files carried by traffic.
 *
 * `mitre_technique_id` in the meta section names the ATT&CK technique, as it does in signatures. What a rule finds is said in English
 * (`title`, `description`) and in Vietnamese (`title_vi`, `description_vi`).
 */

rule vonggac_range_webshell
{
    meta:
        title = "The range's harmless web shell, by its marker"
        title_vi = "Web shell vô hại của thao trường, nhận ra qua dấu hiệu gắn sẵn"
        description = "A file carries the marker of the web shell that the range plants. It runs nothing."
        description_vi = "Tệp mang dấu hiệu của web shell mà thao trường cài vào. Web shell này không chạy lệnh nào."
        author = "Vọng Gác"
        date = "2026-11-21"
        severity = "high"
        mitre_technique_id = "T1105"
    strings:
        $marker = "vonggac-range-webshell"
    condition:
        filesize < 1MB and $marker
}

rule vonggac_php_webshell
{
    meta:
        title = "PHP that runs what a request brings"
        title_vi = "Mã PHP chạy lệnh lấy từ yêu cầu"
        description = "A PHP file hands a parameter of the request to the shell or to eval, as web shells do."
        description_vi = "Tệp PHP đưa tham số của yêu cầu vào trình lệnh (shell) hoặc vào eval, đúng cách của web shell."
        author = "Vọng Gác"
        date = "2026-11-21"
        severity = "critical"
        mitre_technique_id = "T1505.003"
    strings:
        $open = "<?php" nocase
        $run = /\b(system|shell_exec|passthru|popen|proc_open|exec)\s{0,4}\(/ nocase
        $eval = /\beval\s{0,4}\(\s{0,4}(base64_decode|gzinflate|str_rot13)\s{0,4}\(/ nocase
        $input = /\$_(REQUEST|GET|POST|COOKIE)\s{0,4}\[\s{0,4}['"](cmd|c|command|exec|z0|pass)['"]/ nocase
    condition:
        filesize < 1MB and $open and $input and ($run or $eval)
}
