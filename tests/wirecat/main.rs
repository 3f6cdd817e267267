//! `wirecat`, the example that people keep: every option, two of them talking, broken streams, large bodies within little
//! memory; its man page; and the guide, whose commands are run, against the servers that it names.
//!
//! What the machine lacks is skipped by name. With `FDWIRE_NO_SKIP` set, as in CI, it fails instead.

mod checkers;
mod ends;
mod forms;
mod guide;
mod large;
mod options;
mod talk;
mod tap;
mod tool;
#[path = "../trials/mod.rs"]
mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use trials::{lack, test};

type Body = fn() -> Result<(), Failed>;

/// What needs a C compiler and no more.
const PLAIN: [(&str, Body); 55] = [
    ("options: the man page and --help agree", options::manual_and_help_agree),
    ("options: each is tried", options::every_option_is_tried),
    ("options: each status is documented", options::statuses_are_documented),
    ("options: the version is the library's", options::version_is_the_library_s),
    ("options: a wrong command line is explained", options::wrong_command_lines_are_explained),
    ("options: every way to write them", options::options_can_be_written_in_every_way),
    ("options: --describe", options::describe_draws_what_the_library_draws),
    ("options: --list", options::list_has_every_preset),
    ("forms: head and body apart", forms::each_form_shows_head_and_body_apart),
    ("forms: a dump", forms::a_dump_has_rows_of_sixteen),
    ("forms: text is UTF-8", forms::text_is_utf_8_and_nothing_that_moves_the_cursor),
    ("forms: a zero before a digit", forms::a_zero_before_a_digit_is_no_octal_number),
    ("forms: --cut", forms::a_body_is_cut_where_asked),
    ("forms: JSON", forms::json_is_json_whatever_the_body),
    ("forms: binary in every form", forms::binary_comes_through_every_form),
    ("forms: every form of input", forms::every_form_of_input_makes_frames),
    ("forms: heads", forms::heads_are_given_whole_or_in_part),
    ("forms: what cannot be sent", forms::what_cannot_be_sent_is_refused),
    ("forms: --both", forms::both_directions_are_shown),
    ("forms: a format a direction", forms::directions_may_have_formats_of_their_own),
    ("forms: a format for the first message", forms::the_first_message_may_have_a_format_of_its_own),
    ("talk: every address", talk::two_talk_over_every_address),
    ("talk: much at once", talk::much_passes_both_ways_at_once),
    ("talk: --keep", talk::one_client_after_the_other_is_served),
    ("talk: descriptors", talk::descriptors_are_taken_by_their_number),
    ("talk: standard input and output", talk::standard_input_and_output_may_be_the_peer),
    ("talk: a command", talk::a_command_is_talked_to_through_pipes),
    ("talk: --turns", talk::turns_are_taken),
    ("talk: --hold", talk::sending_is_ended_with_the_input_or_held),
    ("talk: one direction", talk::one_direction_alone_can_be_had),
    ("talk: the peer's end", talk::the_peer_s_end_is_not_ours),
    ("talk: --count", talk::a_count_is_enough),
    ("talk: slow messages", talk::messages_that_come_slowly_are_shown_at_once),
    ("ends: a broken stream", ends::a_broken_stream_is_explained),
    ("ends: a message that was cut off", ends::what_came_of_a_message_is_shown),
    ("ends: --skip", ends::what_is_too_long_can_be_skipped),
    ("ends: no peer", ends::a_peer_that_is_not_there_is_named),
    ("ends: a reset", ends::a_peer_that_breaks_off_is_no_end),
    ("ends: what was not sent", ends::what_was_not_sent_is_told),
    ("ends: --timeout", ends::time_runs_out),
    ("ends: standard output is closed", ends::a_reader_that_has_enough_ends_it),
    ("ends: an interrupt", ends::an_interrupt_is_an_end_in_good_order),
    ("ends: --stats", ends::statistics_are_told),
    ("tap: a conversation", tap::a_conversation_is_passed_on_and_shown),
    ("tap: a command", tap::a_command_is_wrapped_in_pipes),
    ("tap: what is no message", tap::what_is_no_message_is_passed_on),
    ("tap: ends", tap::ends_are_passed_on_one_by_one),
    ("tap: --keep", tap::one_client_after_the_other_is_passed_on),
    ("tap: nobody looks", tap::nobody_looks_any_more),
    ("tap: giving up", tap::nothing_moves_and_it_gives_up),
    ("large: one body within little memory", large::a_body_passes_through_little_memory),
    ("large: in every form", large::every_form_shows_a_body_in_little_memory),
    ("large: announced and never sent", large::what_is_announced_takes_no_memory),
    ("guide: every block is run", guide::every_block_is_run),
    ("guide: the comparison notices", guide::the_comparison_notices),
];

/// What needs a terminal.
const TERMINAL: [(&str, Body); 3] = [
    ("terminal: colours", ends::colours_are_for_terminals),
    ("terminal: progress", ends::large_messages_have_a_progress_line_on_terminals),
    ("terminal: people", ends::a_terminal_is_for_people),
];

fn main() {
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
    arguments.test_threads.get_or_insert(2 * processors); // many wait
    let compiler = || lack("cc", "--version");
    let mut tests: Vec<Trial> = PLAIN.iter().map(|(name, body)| test((*name).into(), compiler(), *body)).collect();
    let script = || compiler().or_else(|| lack("script", "--version"));
    tests.extend(TERMINAL.iter().map(|(name, body)| test((*name).into(), script(), *body)));
    tests.push(test("manual: groff".into(), lack("groff", "--version"), options::manual_is_well_formed));
    tests.extend(checkers::tests());
    tests.extend(guide::tests());
    libtest_mimic::run(&arguments, tests).exit();
}
