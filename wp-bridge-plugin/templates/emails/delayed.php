<?php
/**
 * Body of the mail "delayed". Override: copy to `<theme>/smi-bridge/emails/delayed.php`.
 *
 * @var SmiBridge\Mail\Mail_Message $mail The composed mail: heading, paragraphs, rows, button, instructions, facts.
 *
 * @package SmiBridge
 */

defined( 'ABSPATH' ) || exit;
echo SmiBridge\Mail\Mail_Message::render( 'parts-body.php', array( 'mail' => $mail ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- a template that escapes late.
