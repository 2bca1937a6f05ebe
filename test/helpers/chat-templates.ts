/**
 * Chat templates written for the tests, each with the shape of a known family: where it puts the system prompt, what it trims,
 * what it does with earlier reasoning, what ends a turn.
 */
import type { TinyChatModelOptions } from "./tiny-chat-model.ts";

export interface ChatTemplateStyle extends TinyChatModelOptions {
  /** The template accepts a system message. */
  takesSystem: boolean;
  /** The model thinks, and the template has a place for it. */
  takesReasoning?: boolean;
  /** Earlier turns are written otherwise than the last one. */
  rewritesEarlierTurns?: boolean;
}

const chatml: ChatTemplateStyle = {
  takesSystem: true,
  template: `{%- for message in messages -%}
{{ '<|im_start|>' ~ message['role'] ~ '\\n' ~ message['content'] ~ '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}`,
};

const llama2: ChatTemplateStyle = {
  takesSystem: true,
  kind: "spm",
  addsBeginToken: true,
  beginToken: "<s>",
  endToken: "</s>",
  template: `{%- set ns = namespace(system='') -%}
{%- if messages[0]['role'] == 'system' -%}
{%- set ns.system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}
{%- set turns = messages[1:] -%}
{%- else -%}{%- set turns = messages -%}{%- endif -%}
{%- for turn in turns -%}
{%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{ raise_exception('user and assistant must take turns') }}
{%- endif -%}
{%- if turn['role'] == 'user' -%}
{{ bos_token + '[INST] ' + (ns.system if loop.index0 == 0 else '') + turn['content'].strip() + ' [/INST]' }}
{%- else -%}
{{ ' ' + turn['content'].strip() + ' ' + eos_token }}
{%- endif -%}
{%- endfor -%}`,
};

const llama3: ChatTemplateStyle = {
  takesSystem: true,
  specialTokens: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  beginToken: "<|begin_of_text|>",
  endToken: "<|eot_id|>",
  addsBeginToken: true,
  template: `{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
`,
};

/** The system prompt stands before the last question, so that a further turn moves it. */
const mistral: ChatTemplateStyle = {
  takesSystem: true,
  rewritesEarlierTurns: true,
  kind: "spm",
  specialTokens: ["[INST]", "[/INST]"],
  beginToken: "<s>",
  endToken: "</s>",
  addsBeginToken: true,
  template: `{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(users=0) %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- set ns.users = ns.users + 1 %}
        {%- if ns.users == user_messages | length and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- else %}
        {{- raise_exception("only user and assistant, after a first system message") }}
    {%- endif %}
{%- endfor %}`,
};

const granite: ChatTemplateStyle = {
  takesSystem: true,
  specialTokens: ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"],
  beginToken: "<|end_of_text|>",
  endToken: "<|end_of_text|>",
  template: `{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = "Today is " + strftime_now('%B %d, %Y') + ".\\nYou help." %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}`,
};

/** After Granite 4: tool answers become part of the user's side, and the template has macros. */
const granite4: ChatTemplateStyle = {
  ...granite,
  template: `{%- macro open(role) -%}{{ '<|start_of_role|>' ~ role ~ '<|end_of_role|>' }}{%- endmacro -%}
{%- for message in messages -%}
{%- set text = message.content if message.content is string else '' -%}
{%- if message.role == 'tool' -%}
{{ open('user') }}<tool_response>
{{ text | tojson }}
</tool_response>{{ '<|end_of_text|>\\n' }}
{%- elif message.role in ['user', 'system', 'assistant'] -%}
{{ open(message.role) ~ text ~ '<|end_of_text|>\\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ open('assistant') }}{%- endif -%}`,
};

/** Keeps only the reasoning behind the last question; writes an empty thought where the last answer has none. */
const qwen3: ChatTemplateStyle = {
  takesSystem: true,
  takesReasoning: true,
  rewritesEarlierTurns: true,
  template: `{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set thought = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thought = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}`,
};

const qwen25: ChatTemplateStyle = {
  ...chatml,
  template: `{%- if tools %}
    {{- '<|im_start|>system\\n# Tools\\n' }}{{ tools | tojson }}{{ '<|im_end|>\\n' }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are here to help.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}`,
};

const gemma: ChatTemplateStyle = {
  takesSystem: false,
  kind: "spm",
  specialTokens: ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
  beginToken: "<bos>",
  endToken: "<eos>",
  addsBeginToken: true,
  template: `{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}
{%- for message in messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('user and assistant must take turns') }}
    {%- endif -%}
    {%- if message['role'] == 'assistant' -%}{%- set role = 'model' -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}`,
};

const merlinite: ChatTemplateStyle = {
  takesSystem: true,
  kind: "spm",
  specialTokens: ["<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>"],
  beginToken: "<s>",
  endToken: "<|endoftext|>",
  addsBeginToken: true,
  template:
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>' + '\n' + message['content'] + '\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>' + '\n' + message['content'] + '\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>' + '\n' + message['content'] + '<|endoftext|>' + ('' if loop.last else '\n') }}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>' + '\n' }}{% endif %}{% endfor %}",
};

/** No turn has an end token. */
const endless: ChatTemplateStyle = {
  takesSystem: true,
  template:
    "{% for message in messages %}{{ '### ' + message['role'] + '\n' + message['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '### assistant\n' }}{% endif %}",
};

/** Opens a thought in the prompt itself and takes every thought out of the history. */
const openThought: ChatTemplateStyle = {
  takesSystem: true,
  rewritesEarlierTurns: true,
  specialTokens: ["<|User|>", "<|Assistant|>", "<|end_of_sentence|>"],
  endToken: "<|end_of_sentence|>",
  template: `{%- for message in messages -%}
{%- if message.role == 'assistant' -%}
{{ '<|Assistant|>' + message.content.split('</think>')[-1] + '<|end_of_sentence|>' }}
{%- elif message.role == 'user' -%}{{ '<|User|>' + message.content }}
{%- else -%}{{ message.content }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|Assistant|><think>\\n' }}{%- endif -%}`,
};

export const CHAT_TEMPLATE_STYLES = {
  chatml,
  llama2,
  llama3,
  mistral,
  granite,
  granite4,
  qwen25,
  qwen3,
  gemma,
  merlinite,
  endless,
  openThought,
};
